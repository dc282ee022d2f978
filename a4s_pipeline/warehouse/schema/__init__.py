"""How tables and views are described, applied to a store, and documented."""
