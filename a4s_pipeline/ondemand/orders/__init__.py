"""Reads intake orders, maps them, lets the hook change them, and exports them through their ledger."""
