"""The handlers of the routes: each takes a call, asks the service, and returns a response."""
