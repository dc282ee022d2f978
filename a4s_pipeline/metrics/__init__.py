"""How the installation is, in numbers for Prometheus: in `/metrics`, and in a file after each import."""
