"""Projected stock: asked for live, shared by those who ask at the same moment, and projected on a day."""
