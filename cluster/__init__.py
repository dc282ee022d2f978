"""Dagster on several machines, simulated on one: PostgreSQL, Redis and Celery workers as child processes."""
