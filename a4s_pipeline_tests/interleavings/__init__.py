"""Drives the code that decides what is sent through every order of events."""
