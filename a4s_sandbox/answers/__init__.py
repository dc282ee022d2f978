"""The sandbox's wire format: routes, pages, replies, and how it reads requests."""
