"""How fast order history is imported, compared with what a user would take instead."""
