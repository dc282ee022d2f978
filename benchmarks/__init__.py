"""What is measured by hand; nothing of this is installed."""
