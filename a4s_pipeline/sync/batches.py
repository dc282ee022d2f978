"""Decides when collected records are written."""

from __future__ import annotations

from a4s_pipeline.runtime import Runtime

# A batch opens the file once, for one transaction: about 50 ms here. A killed run loses what was not written
# yet, so no batch waits longer than two seconds.
LARGEST_BATCH = 1000
LONGEST_WAIT = 2.0


class BatchTimer:
    """Tells when a batch has enough records, or has waited long enough."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._since = runtime.monotonic()

    def restart(self) -> None:
        """Begin a new batch."""
        self._since = self._runtime.monotonic()

    def is_due(self, size: int) -> bool:
        """Tell whether a batch of this size is to be written now."""
        return size >= LARGEST_BATCH or self._runtime.monotonic() - self._since >= LONGEST_WAIT
