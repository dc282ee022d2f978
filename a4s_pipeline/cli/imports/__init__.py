"""The commands that import, and those that examine imports: check, reconcile, set-aside."""
