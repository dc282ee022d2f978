"""Imports by several workers, into a DuckDB file and a lake, and how long readers wait meanwhile."""
