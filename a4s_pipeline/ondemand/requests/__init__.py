"""The kinds of on-demand request, one file each, and the one way from a body to its answer.

`registry` lists the kinds. The inbox, the commands, Dagster's API and HTTP call `answering`. A new kind is a
file here with a model and a handler, and a line in the registry.
"""
