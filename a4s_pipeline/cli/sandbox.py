"""`a4s sandbox`: serves the sandbox gateway."""

from __future__ import annotations

import json

import click

from a4s_pipeline.errors import ChangeSettings
from a4s_sandbox import DEMO_CONNECTORS, serve


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="Port; 0 takes a free one."
)
@click.option("--latency-ms", type=click.IntRange(0, 60_000), default=0, help="Latency of each answer.")
def sandbox(port: int, latency_ms: int) -> None:
    """Serve the sandbox gateway: the wire contract, with invented data of a Dutch wholesaler.

    Prints the settings that point the other commands at it, and serves until interrupted.
    """

    def ready(url: str) -> None:
        connectors = json.dumps(DEMO_CONNECTORS, ensure_ascii=False)
        click.echo(f"export A4S_GATEWAY_URL={url}")
        click.echo(f"export A4S_CONNECTORS='{connectors}'")

    try:
        serve(port, latency_ms, ready=ready)
    except OSError as error:
        raise ChangeSettings(
            f"--port {port}: {error.strerror}; choose another, or 0 for a free one"
        ) from None
