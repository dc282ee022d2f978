"""The polite ceiling: how soon the next call may start, shared by all threads of a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from math import inf


class Pace:
    """Spaces calls by `max_calls_per_second`, and holds all of them while the gateway asks for a pause."""

    def __init__(
        self, max_calls_per_second: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._gap = 1 / max_calls_per_second if max_calls_per_second else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._next_start = 0.0
        self._pauses = 0

    def wait_for_turn(
        self, rest: Callable[[float], None], patience: Callable[[], float] = lambda: inf
    ) -> float:
        """Take the next turn and let `rest` wait for it; a pause that begins meanwhile voids the turn.

        Returns 0, or the seconds until the next turn if they are more than `patience`. Then the turn is not
        taken: a caller that cannot wait for it should not make others wait.
        """
        while True:
            with self._lock:
                now = self._clock()
                start = max(now, self._next_start)
                if start - now > patience():
                    return start - now
                self._next_start = start + self._gap
                pauses = self._pauses
            rest(start - now)
            with self._lock:
                if pauses == self._pauses:
                    return 0.0

    def pause(self, seconds: float) -> None:
        """Let no call start for so many seconds: a gateway that is busy for one is busy for all."""
        with self._lock:
            self._pauses += 1
            self._next_start = max(self._next_start, self._clock() + seconds)
