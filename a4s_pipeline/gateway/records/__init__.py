"""Reads what the gateway sends: orders, items, customers, stock, dates; and finds drift."""
