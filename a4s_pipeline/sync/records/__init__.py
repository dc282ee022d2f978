"""Items and customers: listings that are read whole, written where something changed."""
