"""Answers the inbox: the request worker, its background tasks, and when to start one."""
