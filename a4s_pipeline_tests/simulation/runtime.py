"""The product's runtime in a simulation: the scheduler's clock, waits and threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from a4s_pipeline.runtime import Runtime
from a4s_pipeline_tests.simulation.scheduler import Crash, Process, Scheduler

T = TypeVar("T")
BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)


def true_time(scheduler: Scheduler) -> datetime:
    """Return the current instant of the simulation."""
    return BEGIN + timedelta(seconds=scheduler.now)


class SimulatedRuntime(Runtime):
    """The runtime of one process; its clock is `ahead` of true time by this many seconds."""

    def __init__(self, scheduler: Scheduler, process: Process, ahead: float = 0.0) -> None:
        self.scheduler = scheduler
        self.process = process
        self._ahead = ahead

    def now(self) -> datetime:
        """Return the instant by this process's clock."""
        return true_time(self.scheduler) + timedelta(seconds=self._ahead)

    def monotonic(self) -> float:
        """Return the seconds of the simulation."""
        return self.scheduler.now

    def chance(self) -> float:
        """Return the next random number of the seed."""
        return self.scheduler.chance.random()

    def sleep(self, seconds: float) -> None:
        """Let others run for this long."""
        self.scheduler.suspend(seconds=seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Let others run until the event is set."""
        self.scheduler.suspend(event.is_set, seconds)
        return event.is_set()

    def semaphore(self, count: int) -> AbstractContextManager[object]:
        """Return a semaphore for this many tasks."""
        return _Semaphore(self, count)

    def pool(self, size: int, name: str) -> Executor:
        """Open a pool of tasks."""
        return _Pool(self, size, name)

    def result_of(self, future: Future[T], seconds: float) -> T:
        """Let others run until the future is done."""
        self.scheduler.suspend(future.done, seconds)
        return future.result(0)


class _Semaphore(AbstractContextManager[object]):
    def __init__(self, runtime: SimulatedRuntime, count: int) -> None:
        self._runtime = runtime
        self._free = count

    def __enter__(self) -> None:
        while not self._free:
            self._runtime.scheduler.suspend(lambda: self._free > 0)
        self._free -= 1

    def __exit__(self, *_: object) -> None:
        self._free += 1


class _Future(Future[T]):
    def __init__(self, runtime: SimulatedRuntime) -> None:
        super().__init__()
        self._runtime = runtime

    def result(self, timeout: float | None = None) -> T:
        if not self.done():
            self._runtime.scheduler.suspend(self.done)
        return super().result(0)


class _Pool(Executor):
    """At most `size` tasks, which take what is submitted in order."""

    def __init__(self, runtime: SimulatedRuntime, size: int, name: str) -> None:
        self._runtime = runtime
        self._size = size
        self._name = name
        self._waiting: deque[tuple[_Future[Any], Callable[[], Any]]] = deque()
        self._running = 0
        self._is_shut = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        if self._is_shut:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future = _Future[T](self._runtime)
        self._waiting.append((future, lambda: fn(*args, **kwargs)))
        if self._running < self._size:
            self._running += 1
            self._runtime.scheduler.start(self._runtime.process, self._name, self._work)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._is_shut = True
        while cancel_futures and self._waiting:
            self._waiting.popleft()[0].cancel()
        if wait and self._running:
            self._runtime.scheduler.suspend(lambda: not self._running)

    def _work(self) -> None:
        try:
            while self._waiting:
                future, work = self._waiting.popleft()
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    done = work()
                except Crash:
                    raise
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(cast("Any", done))
        finally:
            self._running -= 1
