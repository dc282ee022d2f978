"""Reports failed runs: the reason in words, a line in a file, and a webhook."""
