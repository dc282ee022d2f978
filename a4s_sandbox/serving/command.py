"""Serving the sandbox until the process is asked to stop."""

import signal
import time
from collections.abc import Callable

from a4s_sandbox.data.demo import demo_world
from a4s_sandbox.faults import Faults
from a4s_sandbox.serving.server import Sandbox
from a4s_sandbox.world import World


def serve(
    port: int = 8765,
    latency_ms: float = 0,
    *,
    world: World | None = None,
    faults: Faults | None = None,
    host: str = "127.0.0.1",
    token: str | None = None,
    ready: Callable[[str], object] | None = None,
) -> None:
    """Serve a world (the demo's by default) until INT or TERM; `ready` receives the URL once it is reachable.

    To be called from the main thread, because signals are. OSError when the port is taken.
    """
    # A handler that took a lock could meet the main thread holding it, so it only makes a note.
    asked: list[object] = []
    known = {
        name: signal.signal(name, lambda *_: asked.append(_)) for name in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        served = demo_world() if world is None else world
        with Sandbox(served, latency_ms, faults, port, host=host, token=token, log=False) as sandbox:
            if ready is not None:
                ready(sandbox.url)
            while not asked:
                time.sleep(0.1)
    finally:
        for name, handler in known.items():
            signal.signal(name, handler)
