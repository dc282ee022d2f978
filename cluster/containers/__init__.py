"""`make compose-test`: deploy/compose.yaml for real, with what containers go through over the years.

`docker` finds or starts a daemon, `stand_ins` makes base images where none can be pulled, `compose` runs the
project, and `walk` is what is tried.
"""
