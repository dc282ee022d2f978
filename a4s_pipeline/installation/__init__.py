"""The files of a new installation, and the systemd units for one machine.

They are in `files/`; `workspace.yaml` and `dagster.yaml` equal those at the top of the project, and
`env_file` makes `env` from the README's table of settings. `writing` writes them to a folder.
"""
