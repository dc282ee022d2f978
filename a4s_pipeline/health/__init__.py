"""What is broken now, and what to do: standing checks that ask the store alone.

`checks.CHECKS` names them, `checks.examine` asks them. Dagster shows them on the assets, and the command line
after a sync: both by these.
"""
