"""The deadline of a caller, which every call of its thread observes.

An import waits as long as the gateway asks. A caller with a deadline does not: a call that cannot answer in
time ends at once and says how long the gateway asks to wait.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_until: ContextVar[float] = ContextVar("until", default=math.inf)


@contextmanager
def answered_until(instant: float) -> Iterator[None]:
    """Within the block, end this thread's calls by this time (of `Runtime.monotonic`)."""
    token = _until.set(min(instant, _until.get()))
    try:
        yield
    finally:
        _until.reset(token)


def deadline() -> float:
    """Return this thread's deadline as a time of `Runtime.monotonic`; infinite if it has none."""
    return _until.get()


def seconds_left(now: float) -> float:
    """Return the seconds until this thread's deadline; infinite if it has none."""
    return _until.get() - now
