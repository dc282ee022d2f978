"""The sandbox as a server: in this process, or in one of its own."""
