"""The store as one DuckDB file: opened late, closed early, published as a copy."""
