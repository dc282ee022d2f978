"""The project of deploy/compose.yaml, built from a copy of the image's sources, beside a sandbox gateway."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cluster.containers.docker import Docker
from cluster.home import ROOT
from cluster.processes import ClusterError, free_port

_PROJECT = "a4s-compose-test"
_CONTEXT = (
    ".dockerignore",
    "pyproject.toml",
    "README.md",
    "constraints",
    "a4s_pipeline",
    "a4s_sandbox",
    "deploy",
)
HISTORY_START = "2016-01-01"
"""Before the first order of the sandbox."""
API_KEY = "compose-test-compose-test-compose-test"
SUPERUSER_PASSWORD = "superuser1"  # noqa: S105 - of a server that lives for minutes
# The sandbox keeps what it was sent in memory, so it is restarted with none of the others.
_GATEWAY = """\
services:
  gateway:
    image: a4s-pipeline
    init: true
    command: python -m a4s_sandbox --host 0.0.0.0 --orders {orders} --latency-ms 5
"""


class Compose:
    """A running project: its commands, containers and ports."""

    def __init__(self, client: Docker, folder: Path, api_port: int, ui_port: int) -> None:
        self._client = client
        self._folder = folder
        self.api_url = f"http://127.0.0.1:{api_port}"
        self.ui_url = f"http://127.0.0.1:{ui_port}"

    def __call__(self, *words: str) -> str:
        """Run a command of `docker compose` in the project."""
        files = ("-f", "deploy/compose.yaml", "-f", "gateway.yaml")
        return self._client(
            "compose", "-p", _PROJECT, *files, "--profile", "http", *words, folder=self._folder
        )

    def containers(self, service: str) -> list[str]:
        """Return the containers of a service."""
        return self("ps", "--quiet", service).split()

    def inspected(self, container: str, what: str) -> str:
        """Return one property of a container."""
        return self._client("inspect", "--format", what, container).strip()

    def in_container(self, container: str, *command: str) -> str:
        """Run a command in a container and return what it says."""
        return self._client("exec", container, *command)

    def end_processes(self, container: str) -> None:
        """Kill everything in a container, as a crash would: Docker then restarts it."""
        self._client(
            "exec",
            "--user",
            "0",
            container,
            "sh",
            "-c",
            "kill -9 -1",
        )

    def cut_off(self, container: str) -> None:
        """Disconnect a container from the network."""
        self._client("network", "disconnect", "--force", f"{_PROJECT}_default", container)

    def reconnect(self, container: str) -> None:
        """Connect a container to the network again."""
        self._client("network", "connect", f"{_PROJECT}_default", container)


@contextmanager
def compose(
    client: Docker, folder: Path, connectors: Mapping[str, str], *, orders: int, workers: int
) -> Iterator[Compose]:
    """Build the image, start everything, and remove it afterwards with its volumes."""
    copied = folder / "project"
    shutil.rmtree(copied, ignore_errors=True)
    copied.mkdir(parents=True)
    for name in _CONTEXT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copied / name, ignore=shutil.ignore_patterns("__pycache__", ".env"))
        else:
            shutil.copy2(source, copied / name)
    api_port, ui_port = free_port(), free_port()
    filled_in = {
        "POSTGRES_PASSWORD": SUPERUSER_PASSWORD,
        "PIPELINE_PASSWORD": "ours2",
        "A4S_GATEWAY_URL": "http://gateway:8765",
        "A4S_CONNECTORS": json.dumps(dict(connectors)),
        "A4S_API_KEYS": json.dumps({"shop": API_KEY}),
        "HTTP_PORT": str(api_port),
        "UI_PORT": str(ui_port),
        "A4S_HISTORY_START": HISTORY_START,
    }
    example = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8").splitlines()
    kept = [line for line in example if line.split("=")[0] not in filled_in]
    lines = kept + [f"{name}={value}" for name, value in filled_in.items()]
    (copied / "deploy" / ".env").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (copied / "gateway.yaml").write_text(_GATEWAY.format(orders=orders), encoding="utf-8")
    up = Compose(client, copied, api_port, ui_port)
    try:
        up("build")
        up("up", "--detach", "--wait", "--wait-timeout", "600", "--scale", f"worker={workers}")
        yield up
    finally:
        up("down", "--volumes", "--timeout", "5")


def until(what: str, is_so: Callable[[], object], seconds: float = 300) -> None:
    """Wait for a condition; any error on the way counts as not yet."""
    deadline = time.monotonic() + seconds
    said = "it is not"
    while time.monotonic() < deadline:
        try:
            if is_so():
                return
        except (OSError, ValueError, KeyError, ClusterError) as error:
            said = str(error)
        time.sleep(1)
    raise ClusterError(f"{what}: not within {seconds:g} s; {said}")
