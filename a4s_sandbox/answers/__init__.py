"""What the sandbox says: routes, pages, replies, and what it makes of what it is sent."""
