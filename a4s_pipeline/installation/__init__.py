"""The files that a new installation begins with, and the units that keep it running on one machine.

`files/` holds them; `workspace.yaml` and `dagster.yaml` are those at the top of the project, and `env` is
made of the README's table of settings by `env_file`. `writing` puts them into a folder.
"""
