"""What is told of runs that fail: the reason in words, a line in a file, and a webhook."""
