"""Starts runs: jobs, schedules, and the sensors for on-demand requests and lost runs."""
