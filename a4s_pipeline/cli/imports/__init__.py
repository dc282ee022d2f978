"""The commands that import, and those that look at what an import left: check, reconcile, set-aside."""
