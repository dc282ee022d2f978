"""Order retrieval: the orders that were imported, as the published copy or the lake holds them."""
