"""The commands for operators: init, backup, lake, prune, forget-customer."""
