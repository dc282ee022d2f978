"""Order history: pages of headers, one call an order for its lines, one transaction a batch."""
