"""The kinds of request that are answered on demand, one file each, and the one way from a body to its answer.

`registry` lists the kinds. `answering` is what the inbox, the commands, Dagster's API and HTTP call. A new
kind is a file here with a model and a handler, and a line in the registry.
"""
