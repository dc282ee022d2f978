"""Connects the imports and the on-demand flows to Dagster's assets, jobs and schedules; decides nothing."""
