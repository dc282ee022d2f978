"""Sends something exactly once: the rules as pure functions, the ledger's bookkeeping, and the sending."""
