"""What a seed determines before a run: the weather, the crashes, and what source and senders do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from a4s_pipeline_tests.simulation.gateway import READ_FAULTS, SEND_FAULTS, Weather

STORM_SECONDS = 8.0
"""How long the weather lasts; a request may be on its way for some seconds after it."""


@dataclass(frozen=True)
class Drawn:
    """The plan of a run."""

    settings: dict[str, Any]
    weather: Weather
    dedupe: bool
    """Whether the gateway refuses to book an external id twice."""
    crashes: float
    """How likely it is that a process comes to a sudden end."""
    changes: int
    """How often the source changes while the weather lasts."""
    requests: int
    """How many files are dropped into the inbox."""
    imports: bool
    publishes: bool
    reopens: bool
    """Whether the store is opened anew each time, from its write-ahead log after a crash: 20 ms each."""


def _rates(chance: Random, faults: Sequence[str], heaviest: float) -> dict[str, float]:
    """Draw the rates of some faults, which together stay below `heaviest`."""
    names = chance.sample(faults, chance.choice((0, 1, 2, 4, len(faults))))
    return {name: chance.uniform(0, heaviest / len(names)) for name in names}


def drawn_of(chance: Random) -> Drawn:
    """Draw the plan of a run: imports, requests, or both side by side."""
    what = chance.choice(("imports", "requests", "both"))
    settings = {
        "page_size": chance.choice((2, 3, 7)),
        "max_connections": chance.choice((1, 2, 4)),
        "max_calls_per_second": chance.choice((None, None, 20)),
        "timeout_seconds": 1.0,
        "answer_seconds": 2.0,
        "resend_after_seconds": 6.0,
        "linger_seconds": 0.3,
        "lookback_days": chance.choice((0, 7)),
    }
    return Drawn(
        settings,
        Weather(
            _rates(chance, READ_FAULTS, 0.4),
            _rates(chance, SEND_FAULTS, 0.8),
            wait=chance.choice((0.02, 0.2, 0.6)),
        ),
        dedupe=chance.random() < 0.5,
        crashes=chance.choice((0.0, 0.5, 0.9)),
        changes=chance.randrange(0, 12) if what != "requests" else 0,
        requests=chance.randrange(2, 9) if what != "imports" else 0,
        imports=what != "requests",
        publishes=chance.random() < 0.15,
        reopens=chance.random() < 0.05,
    )
