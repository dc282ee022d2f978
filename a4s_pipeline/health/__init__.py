"""What is broken now, and what to do: standing checks that read only the store.

`checks.CHECKS` lists them, `checks.examine` runs them. Dagster shows them on the assets, the command line
after a sync.
"""
