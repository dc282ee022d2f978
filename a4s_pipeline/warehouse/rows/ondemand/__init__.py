"""The rows of on-demand work: the ledgers, flows, restores, and their retention."""
