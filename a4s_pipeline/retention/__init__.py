"""What would grow for ever: answered requests, logged flows, attempts of exports that are resolved."""
