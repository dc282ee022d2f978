"""What answers each route: it takes a call, asks the service, and gives a response."""
