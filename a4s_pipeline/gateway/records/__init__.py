"""What the gateway sends, read: orders, items, customers, stock, dates, and what drifts."""
