"""Thread pools with a bounded queue: work that would wait too long is rejected at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from a4s_pipeline.errors import Overloaded

T = TypeVar("T")
_WEIGHT = 0.1


class BoundedPool:
    """A number of threads, and a limit on the work that waits for them."""

    def __init__(self, name: str, threads: int, most_waiting: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._threads = threads
        self._most = threads + most_waiting
        self._lock = threading.Lock()
        self._inside = 0
        self._average_seconds = 0.0

    def submit(self, work: Callable[[], T], seconds_left: float) -> asyncio.Future[T]:
        """Run something in a thread; raises `Overloaded` if it would begin too late."""
        with self._lock:
            wait = max(0, self._inside - self._threads) / self._threads * self._average_seconds
            if self._inside >= self._most or wait > max(0.0, seconds_left):
                raise Overloaded(
                    "too many requests are waiting to answer in time: try again later",
                    wait_seconds=max(1.0, wait),
                )
            self._inside += 1
        return asyncio.get_running_loop().run_in_executor(self._executor, self._timed, work)

    def _timed(self, work: Callable[[], T]) -> T:
        began = time.monotonic()
        try:
            return work()
        finally:
            with self._lock:
                self._inside -= 1
                weight = _WEIGHT if self._average_seconds else 1.0
                self._average_seconds += weight * (time.monotonic() - began - self._average_seconds)

    def close(self) -> None:
        """Wait for the work that has begun."""
        self._executor.shutdown()
