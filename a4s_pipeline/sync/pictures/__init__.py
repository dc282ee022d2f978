"""The pictures of items, fetched by their hash."""
