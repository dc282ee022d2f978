"""What keeps two syncs of one stream apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from a4s_pipeline.errors import SyncUnderWay
from a4s_pipeline.locks.file_locks import Locks

LONGEST_WAIT = 10.0


@contextmanager
def stream_lock(
    locks: Locks, connector: str, stream: str, wait_seconds: float = LONGEST_WAIT
) -> Iterator[None]:
    """Hold the lock of one connector's stream, or raise `SyncUnderWay` after a bounded wait."""

    def busy(holder: str) -> SyncUnderWay:
        return SyncUnderWay(
            f"a sync of the {stream} of {connector!r} is running ({holder}); it is left to finish. "
            "Try again afterwards"
        )

    with locks.exclusive(f"{connector}.{stream}", wait_seconds, busy):
        yield
