"""One task at a time, in an order drawn from a seed, on a clock without real waits.

Each task is a thread, and one of them runs at a time: where it would wait (for the gateway, a lock, a pause,
another task), it hands over to one that is ready. If none is ready, the clock moves on.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

_MOST_STEPS = 200_000
# No step takes so long, in seconds of this machine: a thread waits for a lock that a suspended one has.
_LONGEST_STEP = 60.0


class Crash(BaseException):
    """The process ends here, with all its tasks."""


class Stuck(AssertionError):
    """No task can go on, or none ends."""


@dataclass
class Process:
    """What a crash ends at once.

    `waits_left` is how many times it waits before that, `commits_left` how many steps of the store it makes;
    infinite where it does not come to that.
    """

    name: str
    waits_left: float = math.inf
    commits_left: float = math.inf
    is_crashed: bool = False

    def wait(self) -> None:
        """Record that it waits for something; raises `Crash` if it ends here."""
        self.waits_left -= 1
        self._end_if_it_is_time()

    def commit(self) -> None:
        """Record that it is just before or after a commit; raises `Crash` if it ends here."""
        self.commits_left -= 1
        self._end_if_it_is_time()

    def _end_if_it_is_time(self) -> None:
        self.is_crashed = self.is_crashed or min(self.waits_left, self.commits_left) < 0
        if self.is_crashed:
            raise Crash


@dataclass(eq=False)
class Task:
    """Something that runs until it waits."""

    name: str
    process: Process
    work: Callable[[], object]
    is_ready: Callable[[], bool] = lambda: True
    until: float = math.inf
    """When it goes on although it is not ready."""
    baton: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    is_begun: bool = False
    is_over: bool = False
    sessions: int = 0
    """How many sessions of the store it has open: others would wait for them for ever."""


class Scheduler:
    """Runs one task at a time; the running one draws the next."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.now = 0.0
        self.trace: list[str] = []
        self.failure: BaseException | None = None
        self._tasks: list[Task] = []
        self._steps = 0
        self._director = Task("director", Process("director"), lambda: None, is_begun=True)
        self.current = self._director

    def note(self, what: str) -> None:
        """Add a line to the trace, with the time and the task."""
        self.trace.append(f"{self.now:9.3f} {self.current.process.name}/{self.current.name} {what}")

    def run(self, direct: Callable[[], object]) -> None:
        """Let `direct` start tasks and wait for them; raises what goes wrong in any of them."""
        self._tasks.append(self._director)
        try:
            direct()
            self._raise_failure()
        finally:
            self._end_all()

    def _end_all(self) -> None:
        """End everything that still runs, so that no thread or lock is left."""
        self.failure = None
        self._steps = -_MOST_STEPS
        for task in self._tasks:
            task.process.is_crashed = task is not self._director
        while self._tasks != [self._director]:
            self.suspend(lambda: True)

    def start(self, process: Process, name: str, work: Callable[[], object]) -> Task:
        """Create a task; it runs when it is drawn."""
        task = Task(name, process, work)
        self._tasks.append(task)
        return task

    def suspend(self, is_ready: Callable[[], bool] = lambda: False, seconds: float = math.inf) -> None:
        """Let others run until this task is ready, or this many seconds have passed."""
        task = self.current
        task.process.wait()
        assert not task.sessions, "a session of the store is open while something else is waited for"
        task.is_ready, task.until = is_ready, self.now + seconds
        self._hand_over(task)
        if task.process.is_crashed:
            raise Crash
        if task is self._director:
            self._raise_failure()

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _hand_over(self, task: Task) -> None:
        chosen = self._drawn()
        self.current = chosen
        if chosen is task:
            return
        if chosen.is_begun:
            chosen.baton.release()
        else:
            chosen.is_begun = True
            threading.Thread(target=self._body, args=(chosen,), name=chosen.name, daemon=True).start()
        if not task.is_over:
            self._wait_for_baton(task)

    def _wait_for_baton(self, task: Task) -> None:
        if task is not self._director:
            task.baton.acquire()
            return
        steps = -1
        while not task.baton.acquire(timeout=_LONGEST_STEP):
            if steps == self._steps:
                current = self.current
                raise Stuck(
                    f"{current.process.name}/{current.name} waits for something without the scheduler"
                )
            steps = self._steps

    def _drawn(self) -> Task:
        self._steps += 1
        if self.failure is None and self._steps > _MOST_STEPS:
            self.failure = Stuck(f"not over after {_MOST_STEPS} steps")
        if self.failure is not None:
            return self._director
        while True:
            # What a crash ends is over before anything else goes on.
            ready = [one for one in self._tasks if one.process.is_crashed] or [
                one for one in self._tasks if self.now >= one.until or one.is_ready()
            ]
            if ready:
                return ready[self.chance.randrange(len(ready))] if len(ready) > 1 else ready[0]
            soonest = min(one.until for one in self._tasks)
            if soonest == math.inf:
                waiting = ", ".join(f"{one.process.name}/{one.name}" for one in self._tasks)
                self.failure = Stuck(f"nothing goes on any more: {waiting}")
                return self._director
            self.now = soonest

    def _body(self, task: Task) -> None:
        try:
            if not task.process.is_crashed:
                task.work()
        except Crash:
            pass
        except BaseException as failure:
            self.failure = self.failure or failure
        finally:
            task.is_over = True
            self._tasks.remove(task)
            self._hand_over(task)
