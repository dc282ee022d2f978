"""The rows of what was sent and answered on demand: the ledgers, flows, restores, and how long they stay."""
