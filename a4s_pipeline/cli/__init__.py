"""The command line `a4s`: each command in a module of its own, loaded when it is called."""

from a4s_pipeline.cli.main import main, run

__all__ = ["main", "run"]
