"""Imports: what to read, what changed, and what to write; uses the gateway and the warehouse."""
