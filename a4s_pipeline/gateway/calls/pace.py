"""What the threads of a run share: how soon the next call may start, and whether the gateway is down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from math import inf


class Pace:
    """Spaces calls by `max_calls_per_second`, and stops them all while the gateway asks for a pause."""

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
        """Reserve the next start and wait for it with `rest`; a pause that begins meanwhile voids it.

        Returns 0, or the seconds until the next start if they exceed `patience`. Then nothing is reserved: a
        caller that cannot wait should not make others wait.
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
        """Start no call for this many seconds: a gateway that is busy for one call is busy for all."""
        with self._lock:
            self._pauses += 1
            self._next_start = max(self._next_start, self._clock() + seconds)


class Outage:
    """Whether the gateway is down: so many calls in a row were given up, and none was answered; thread-safe.

    Each later call is then tried once until one is answered: otherwise a gateway that is down would cost
    minutes of retries for each order.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._given_up = 0
        self._lock = threading.Lock()

    @property
    def is_on(self) -> bool:
        """Tell whether a failed call is not worth a retry."""
        return self._given_up >= self._limit

    def note_given_up(self) -> None:
        """Note that a call was given up."""
        with self._lock:
            self._given_up += 1

    def note_answer(self) -> None:
        """Note an answer: any shows that the gateway is up."""
        self._given_up = 0
