"""The asset checks: what is broken now, each by itself, and the jobs that run them."""
