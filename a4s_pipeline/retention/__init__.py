"""Removes what would grow for ever: answered requests, logged flows, attempts of resolved exports."""
