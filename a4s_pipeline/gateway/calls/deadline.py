"""The time by which a caller needs its answer; every call of its thread keeps to it.

An import waits as long as the gateway asks. A caller that needs an answer does not: a call that cannot answer
in time ends at once, and says how long the gateway asks to wait.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_until: ContextVar[float] = ContextVar("until", default=math.inf)


@contextmanager
def answered_until(moment: float) -> Iterator[None]:
    """Let the calls of this thread end by a moment of `time.monotonic`, for as long as the block lasts."""
    token = _until.set(min(moment, _until.get()))
    try:
        yield
    finally:
        _until.reset(token)


def deadline() -> float:
    """Return the deadline of this thread, a moment of `time.monotonic`; infinite where it has none."""
    return _until.get()


def seconds_left() -> float:
    """Return the seconds until the deadline of this thread; infinite where it has none."""
    return _until.get() - time.monotonic()
