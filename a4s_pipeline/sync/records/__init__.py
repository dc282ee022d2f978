"""Items and customers: reads the whole listing, and writes what changed."""
