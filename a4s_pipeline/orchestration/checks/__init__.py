"""The asset checks of what is broken now, and the jobs that run them."""
