"""Drives the code that decides what is sent through every order in which things can happen."""
