"""The sandbox gateway as its own process: one administration behind any number of connectors."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.processes import Child, free_port, listens

# What `python -m a4s_sandbox --orders` serves.
_ADMINISTRATION = "Demo B.V."


@dataclass(frozen=True)
class Gateway:
    """A gateway's address, and the connectors for its administrations."""

    url: str
    connectors: Mapping[str, str]


def connector_names(count: int) -> list[str]:
    """Return names for this many connectors."""
    return [f"c{number:02d}" for number in range(1, count + 1)]


@contextmanager
def sandbox_gateway(
    log: Path, connectors: int = 20, orders: int = 1000, latency_ms: int = 5
) -> Iterator[Gateway]:
    """Serve a history of this many orders behind this many connectors."""
    port = free_port()
    options = {"--port": port, "--orders": orders, "--latency-ms": latency_ms}
    command = [sys.executable, "-m", "a4s_sandbox"]
    command += [str(word) for option in options.items() for word in option]
    child = Child("the sandbox gateway", command, log)
    try:
        child.wait_until(lambda: listens(port))
        yield Gateway(f"http://127.0.0.1:{port}", dict.fromkeys(connector_names(connectors), _ADMINISTRATION))
    finally:
        child.stop()
