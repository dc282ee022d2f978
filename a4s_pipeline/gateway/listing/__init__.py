"""Reads a listing page by page until it is stable: its pages, its end, and when it is complete.

Enter by `readings_of`, and read each reading with `pages_of` or `pages_in_turn`.
"""
