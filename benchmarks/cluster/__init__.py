"""Imports by several workers, in a DuckDB file and in a lake, and what readers wait for meanwhile."""
