"""Projected stock: asks the gateway live, shares simultaneous calls, and projects stock to a day."""
