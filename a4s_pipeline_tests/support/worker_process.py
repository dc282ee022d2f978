"""A request worker in its own process, or one that claims a request and stays, to be killed by tests."""

import json
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress

from a4s_pipeline.ondemand.inbox.inbox import Inbox
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.ondemand.worker.request_worker import RequestWorker
from a4s_pipeline.platform import Platform
from a4s_pipeline.runtime import Runtime
from a4s_pipeline.settings.loading import GivenSettings


def say(line: str) -> None:
    """Report to the test."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class ClosingRuntime(Runtime):
    """Calls `when_closed` once its stock threads start nothing more and have finished."""

    def __init__(self, when_closed: Callable[[], object]) -> None:
        self._when_closed = when_closed

    def pool(self, size: int, name: str) -> Executor:
        return _Closing(size, name, self._when_closed if name == "live" else lambda: None)


class _Closing(ThreadPoolExecutor):
    def __init__(self, size: int, name: str, when_closed: Callable[[], object]) -> None:
        super().__init__(size, thread_name_prefix=name)
        self._when_closed = when_closed

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=cancel_futures)
        self._when_closed()
        super().shutdown(wait=wait)


_asked_to_stop = threading.Event()


def _say_that_it_stops() -> None:
    if _asked_to_stop.is_set():
        say("begins nothing more")


def serve(settings: GivenSettings) -> None:
    """Answer the inbox, and print how many requests were answered, by status."""
    platform = Platform(settings, runtime=ClosingRuntime(_say_that_it_stops))
    with OnDemand(platform, "process") as service:
        worker = RequestWorker(service)
        say("ready")
        with suppress(KeyboardInterrupt):
            worker.serve(lambda: False)
        say(json.dumps(worker.counts.by_status))


def claim(settings: GivenSettings) -> None:
    """Claim what waits, and never release it."""
    inbox = Inbox(settings.data_dir)
    (path,) = inbox.waiting()
    with inbox.claimed(path) as waiting:
        say("ready" if waiting is not None else "not had")
        time.sleep(600)


def stop(*_: object) -> None:
    """Interrupt the main thread, as Dagster does to a run that is asked to stop."""
    _asked_to_stop.set()
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    {"serve": serve, "claim": claim}[sys.argv[1]](GivenSettings(**json.loads(sys.argv[2])))
