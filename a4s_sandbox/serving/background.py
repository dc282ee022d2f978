"""The sandbox gateway as its own process, for the demo and its UI."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def sandbox_process(port: int = 0) -> Iterator[str]:
    """Serve the sandbox gateway in the background; yields its URL, and stops it afterwards."""
    command = [sys.executable, "-m", "a4s_sandbox", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    try:
        if process.stdout is None or not (url := process.stdout.readline().strip()):
            raise RuntimeError(f"the sandbox gateway did not start on port {port}")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)
        if process.stdout is not None:
            process.stdout.close()
