"""Speaks HTTP with the App4Sales Platform Gateway; knows no DuckDB and no Dagster."""
