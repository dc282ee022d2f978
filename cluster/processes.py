"""Child processes with their output in a file: started, watched, and stopped with all their children."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_LINES_TOLD = 20
_POLL = 0.05


class ClusterError(Exception):
    """What is wrong, and what to do about it."""


class Child:
    """One of our processes. It leads its own session, so that Ctrl-C reaches only us, and we stop it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        user: str | None = None,
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        # One of the same name may have written there before us.
        self._log_begins = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own commands, and no shell
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=user,
                group=user,
                extra_groups=[] if user else None,
                start_new_session=True,
            )

    def __repr__(self) -> str:
        return f"Child({self.name!r})"

    @property
    def pid(self) -> int:
        """The process's id, which is its group's too."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def assert_alive(self) -> None:
        """Raise if the process has ended, with the end of its log."""
        if not self.is_alive:
            raise ClusterError(
                f"{self.name} ended with status {self._process.returncode}; the end of {self.log}:\n"
                + self.log_tail()
            )

    def said(self) -> str:
        """Return everything it wrote."""
        return self.log.read_bytes()[self._log_begins :].decode(errors="replace")

    def log_tail(self) -> str:
        """Return the last lines it wrote."""
        return "\n".join(self.said().splitlines()[-_LINES_TOLD:])

    def wait_until(self, is_ready: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until the process is ready; raises if it ends before, or takes too long."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            self.assert_alive()
            if time.monotonic() >= deadline:
                raise ClusterError(
                    f"{self.name} was not ready within {seconds:g} s; the end of {self.log}:\n"
                    + self.log_tail()
                )
            time.sleep(_POLL)

    def ask_to_stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal to only this process, if it still runs."""
        if self.is_alive:
            self._process.send_signal(how)

    def stop(self, how: signal.Signals = signal.SIGTERM, seconds: float = 15) -> None:
        """Ask it to stop, wait, and kill whatever is left."""
        self.ask_to_stop(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self.kill()

    def children(self) -> list[int]:
        """Return the ids of its child processes."""
        found = subprocess.run(  # noqa: S603
            ["pgrep", "-P", str(self.pid)],  # noqa: S607 - where it is differs between systems
            capture_output=True,
            text=True,
            check=False,
        )
        return [int(pid) for pid in found.stdout.split()]

    def kill(self) -> None:
        """Kill the process and all its children at once, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Tell whether something listens on a port of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
