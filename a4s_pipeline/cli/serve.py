"""`a4s serve`: the HTTP interface."""

from __future__ import annotations

import click

from a4s_pipeline.cli import logs
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
    logs.log_calls()
    serving.serve(
        settings,
        settings.api_host if host is None else host,
        settings.api_port if port is None else port,
        ready=_tell,
    )


def _tell(url: str) -> None:
    if logs.is_json():
        logs.tell(f"serving {url}/docs")
    else:
        say(f"serving {url}/docs", err=True)
