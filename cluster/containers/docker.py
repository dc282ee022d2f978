"""Docker's own commands, and our own daemon if none answers and one may be started."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cluster.processes import Child, ClusterError

_LAST_LINES = 15


class NotHereError(Exception):
    """What this machine lacks, and how to get it: nothing was tried."""


class Docker:
    """The client, pointed at one daemon."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)

    def __call__(self, *words: str, stdin: bytes | None = None, folder: Path | None = None) -> str:
        """Run a Docker command and return its output; raises if it fails."""
        done = self._done(words, stdin=stdin, folder=folder)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
            raise ClusterError(f"docker {' '.join(words[:6])} failed:\n" + "\n".join(said[-_LAST_LINES:]))
        return done.stdout.decode(errors="replace")

    def succeeds(self, *words: str) -> bool:
        """Tell whether a Docker command succeeds."""
        return self._done(words).returncode == 0

    def _done(
        self, words: Sequence[str], *, stdin: bytes | None = None, folder: Path | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(  # noqa: S603 - our own words, and no shell
            ["docker", *words],  # noqa: S607 - where it is differs between systems
            env=self._environment,
            input=stdin,
            cwd=folder,
            capture_output=True,
            check=False,
        )


@contextmanager
def docker(folder: Path) -> Iterator[Docker]:
    """Yield the daemon that answers here, or start one in a folder.

    Raises `NotHereError` where there is neither.
    """
    if shutil.which("docker") is None:
        raise NotHereError("Docker is not installed: apt-get install docker.io docker-compose")
    standing = Docker(os.environ)
    if standing.succeeds("info"):
        _assert_compose(standing)
        yield standing
        return
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        raise NotHereError(
            "no Docker daemon answers (docker info), and starting one takes root and dockerd: "
            "apt-get install docker.io, as root"
        )
    socket = folder / "docker.sock"
    own = Docker({**os.environ, "DOCKER_HOST": f"unix://{socket}"})
    _assert_compose(own)
    command = ["dockerd", "--host", f"unix://{socket}", "--pidfile", str(folder / "docker.pid")]
    command += ["--data-root", str(folder / "docker"), "--exec-root", str(folder / "docker-exec")]
    child = Child("dockerd", command, folder / "dockerd.log")
    try:
        try:
            child.wait_until(lambda: own.succeeds("info"))
        except ClusterError as error:
            raise NotHereError(f"a Docker daemon cannot run here: {error}") from None
        yield own
    finally:
        child.stop(seconds=60)


def _assert_compose(client: Docker) -> None:
    if not client.succeeds("compose", "version"):
        raise NotHereError(
            "`docker compose` is missing: install Docker's compose plugin, 2.20 or newer; "
            "Debian's docker-compose is the plugin from Debian 13 on"
        )
