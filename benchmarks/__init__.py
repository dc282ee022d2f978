"""Measurements made by hand; nothing of this is installed."""
