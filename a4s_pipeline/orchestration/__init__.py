"""Dagster alone: wires the imports and the on-demand flows to assets, jobs and schedules; decides nothing."""
