"""Sends something exactly once: the rules as pure decisions, the ledger's bookkeeping, and the sending."""
