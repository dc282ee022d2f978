"""Reads a listing page by page until it is stable: what a page is, where a listing ends, when it is whole.

Whoever reads one enters by `readings_of`, and reads each of them with `pages_of` or `pages_in_turn`.
"""
