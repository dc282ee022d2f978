"""The clock, waits, random numbers and threads that imports and on-demand answers use."""

from __future__ import annotations

import gc
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TypeVar

T = TypeVar("T")


class Runtime:
    """The machine's own. A simulation passes another one, so that a run can be played again."""

    def now(self) -> datetime:
        """Return the present instant, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back; only the difference of two means anything."""
        return time.monotonic()

    def chance(self) -> float:
        """Return a random number from 0 to 1."""
        return random.random()  # noqa: S311 - it spreads callers

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait for an event; tell whether it came in time."""
        return event.wait(seconds)

    def semaphore(self, count: int) -> AbstractContextManager[object]:
        """Return a lock that this many threads can have at once."""
        return threading.Semaphore(count)

    def pool(self, size: int, name: str) -> Executor:
        """Open a pool of this many threads."""
        return ThreadPoolExecutor(size, thread_name_prefix=name)

    def result_of(self, future: Future[T], seconds: float) -> T:
        """Wait for a future that belongs to no pool; raises `TimeoutError` if it is not done in time."""
        return future.result(max(0.0, min(seconds, threading.TIMEOUT_MAX)))


MACHINE = Runtime()


@contextmanager
def old_objects_left_alone() -> Iterator[None]:
    """Within the block, collect only new objects, without scanning older ones.

    With Dagster loaded, the scan took 0.4 of the 5.6 s for 3,600 orders.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
