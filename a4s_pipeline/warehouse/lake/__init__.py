"""The store as a DuckLake: concurrent writers and readers, and time travel."""
