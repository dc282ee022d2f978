"""Speaks DuckDB: the pipeline's own store and its published copy; knows no HTTP and no Dagster."""
