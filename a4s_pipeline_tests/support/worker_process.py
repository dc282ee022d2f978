"""A process of its own at the desk, or one that claims a request and stays: to be killed by tests."""

import json
import signal
import sys
import time
from contextlib import suppress

from a4s_pipeline.ondemand.inbox.inbox import Inbox
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.ondemand.worker.request_worker import RequestWorker
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings


def say(line: str) -> None:
    """Tell the test something."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def serve(settings: GivenSettings) -> None:
    """Answer the inbox, and print how many were answered, by status."""
    with OnDemand(Platform(settings), "process") as service:
        desk = RequestWorker(service)
        say("ready")
        with suppress(KeyboardInterrupt):
            desk.serve(lambda: False)
        say(json.dumps(desk.counts.by_status))


def claim(settings: GivenSettings) -> None:
    """Claim what waits, and never let go."""
    inbox = Inbox(settings.data_dir)
    (path,) = inbox.waiting()
    with inbox.claimed(path) as waiting:
        say("ready" if waiting is not None else "not had")
        time.sleep(600)


def stop(*_: object) -> None:
    """Interrupt the main thread, as Dagster does in the process of a run that is asked to stop."""
    say("asked to stop")
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    {"serve": serve, "claim": claim}[sys.argv[1]](GivenSettings(**json.loads(sys.argv[2])))
