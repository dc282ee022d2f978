"""Dagster on several machines, tried out on one: PostgreSQL, Redis and Celery workers as child processes."""
