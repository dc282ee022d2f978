"""The store as a DuckLake: many write at once, many read meanwhile, and it can be read as it was."""
