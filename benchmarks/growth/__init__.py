"""How costs grow with connectors, months and orders."""
