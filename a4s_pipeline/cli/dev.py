"""`a4s dev`: the Dagster UI on the sandbox gateway, without any settings."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from a4s_pipeline.cli.demo_folder import DEMO_FOLDER, DEMO_HISTORY_START, dagster_home
from a4s_pipeline.errors import ChangeSettings
from a4s_sandbox import DEMO_CONNECTORS
from a4s_sandbox.serving.background import sandbox_process

# The user of `a4s dev` cannot act on Dagster's warnings about its own command.
_SUPERSEDED = "Function `dev_command` is superseded"


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Of the UI.")
def dev(port: int) -> None:
    """Open the Dagster UI on the sandbox gateway; ends with Ctrl-C.

    It ignores your own settings: `dagster dev` uses those.
    """
    folder = DEMO_FOLDER.absolute()
    _require_free(port)
    with _until_stopped(), sandbox_process() as url:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("A4S_")},
            "A4S_GATEWAY_URL": url,
            "A4S_CONNECTORS": json.dumps(DEMO_CONNECTORS),
            "A4S_DATA_DIR": str(folder),
            "A4S_HISTORY_START": f"{DEMO_HISTORY_START}",
            # The demo's runs belong to the demo's data, never to a real installation's.
            "DAGSTER_HOME": str(dagster_home(folder)),
        }
        command = [sys.executable, "-W", f"ignore:{_SUPERSEDED}", "-m", "dagster", "dev"]
        # At its usual level Dagster writes two lines a tick, thirty a minute.
        command += ["-m", "a4s_pipeline.definitions", "-p", str(port), "--log-level", "warning"]
        click.echo(
            f"The Dagster UI: http://127.0.0.1:{port}   The sandbox gateway: {url}   The data: {folder}"
        )
        # Ctrl-C in a terminal reaches a whole process group at once, and runs would end in disorder: Dagster,
        # in a group of its own, stops what it started.
        process = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603 - our own
        try:
            status = process.wait()
        except KeyboardInterrupt:
            click.echo("stopping Dagster and what it runs", err=True)
            process.send_signal(signal.SIGINT)
            process.wait()
            return
    sys.exit(status)


def _require_free(port: int) -> None:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError as error:
            raise ChangeSettings(f"--port {port}: {error.strerror}; choose another") from None


@contextmanager
def _until_stopped() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a closed terminal interrupt the block in the same way."""

    def stop(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
