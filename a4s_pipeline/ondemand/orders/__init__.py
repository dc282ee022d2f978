"""Intake orders: read, mapped, changed by the hook, and exported through their ledger."""
