"""The sandbox as a server, in this process or its own."""
