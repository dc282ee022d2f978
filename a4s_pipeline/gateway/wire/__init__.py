"""Beneath the client: connections, the bytes of an answer and its text, and what it means that none comes."""
