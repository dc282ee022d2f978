"""The commands of whoever runs an installation: init, backup, lake, prune, forget-customer."""
