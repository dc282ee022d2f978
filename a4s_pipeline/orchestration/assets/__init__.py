"""The assets: imports, the published copy, ledgers; their partitions, and what a run records."""
