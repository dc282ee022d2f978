"""How fast order history comes in, side by side with what a user would pick instead."""
