"""Metrics of the installation for Prometheus: at `/metrics`, and in a file after each import."""
