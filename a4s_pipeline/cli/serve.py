"""`a4s serve`: the HTTP interface."""

from __future__ import annotations

import logging
import sys

import click

from a4s_pipeline.cli.output import say
from a4s_pipeline.errors import ChangeSettings
from a4s_pipeline.settings.loading import load_settings


@click.command()
@click.option("--host", help="Address to listen on, by default A4S_API_HOST, which is 127.0.0.1.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port, by default A4S_API_PORT, which is 8321; 0 takes a free one.",
)
def serve(host: str | None, port: int | None) -> None:
    """Serve the HTTP interface: live stock, orders exactly once, customers, order history.

    Without A4S_API_KEYS only this machine is served. Its documentation is at /docs.
    """
    try:
        from a4s_pipeline.api import serving  # noqa: PLC0415 - no other command pays for a web server
    except ImportError as error:
        raise ChangeSettings(
            f"a4s serve needs {error.name}, which is not installed: pip install a4s-pipeline"
        ) from None
    settings = load_settings()
    access = logging.getLogger("a4s_pipeline.access")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    access.addHandler(handler)
    access.setLevel(logging.INFO)
    access.propagate = False
    serving.serve(
        settings,
        settings.api_host if host is None else host,
        settings.api_port if port is None else port,
        ready=lambda url: say(f"serving {url}/docs", err=True),
    )
