"""Changes of the pure decisions that no test may notice, and why; `make mutants` fails on any other."""
