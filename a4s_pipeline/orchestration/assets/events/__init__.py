"""What Dagster records of a run: materializations, their numbers, progress, history."""
