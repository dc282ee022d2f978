"""The command line `a4s`: each command in a module of its own, loaded when it is called."""

from a4s_pipeline.cli.main import main
from a4s_pipeline.cli.main import main as run  # what installed commands call

__all__ = ["main", "run"]
