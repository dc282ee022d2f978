"""Changes of the pure decisions that no test can notice, and why; `make mutants` fails on any other."""
