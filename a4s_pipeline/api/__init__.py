"""The HTTP interface of `a4s serve`: the same kinds of request as in the inbox.

`routes` is the table of all routes, `problems` the table of all statuses, `app` handles every call. The event
loop never blocks: slow work runs in bounded thread pools.
"""
