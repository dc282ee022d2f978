"""Below the client: connections, the bytes and text of an answer, and what a missing answer means."""
