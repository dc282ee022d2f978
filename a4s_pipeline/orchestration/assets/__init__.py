"""The assets: what is imported, published and sent, by which partitions, and what a run records of them."""
