"""What Dagster is told of a run: materializations, their numbers, progress, history."""
