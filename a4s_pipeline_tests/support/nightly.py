"""How long nightly tests may run: each asks for its share of NIGHTLY_MINUTES."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

MINUTES = float(os.environ.get("NIGHTLY_MINUTES", "60"))
WORKERS = 2
"""`make nightly` runs two tests side by side, so that the shares of all tests add up to this."""


@dataclass
class Night:
    """The time one test may run from now on; `share` is its part of one worker's night."""

    share: float
    _since: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        """Tell whether the time is up."""
        return time.monotonic() - self._since >= self.share * MINUTES * 60

    @property
    def seconds(self) -> float:
        """How long the test has run."""
        return time.monotonic() - self._since


def examples(few: int, many: int) -> int:
    """Return how many examples Hypothesis draws: few by day, many if `make nightly` asks for them."""
    return many if "MANY_EXAMPLES" in os.environ else few


def at_night(*values: Any) -> list[Any]:
    """Return test cases that `make nightly` runs and `make test` leaves out."""
    return [
        pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.nightly)
        for value in values
    ]
