"""The invented worlds: the demo's, a large one, awkward records."""
