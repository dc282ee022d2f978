"""The HTTP interface, which `a4s serve` serves: a thin face of the same kinds of request as the inbox has.

`routes` is the table of all routes, `problems` the table of all statuses, `app` what happens to every call.
It waits in no thread of its own event loop: what takes time is done in bounded pools.
"""
