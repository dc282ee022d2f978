"""Answers the inbox: the request worker, what it does beside answering, and when one is to be started."""
