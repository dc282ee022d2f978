"""Decides when to start a run that answers waiting requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

_TIME_TO_SHOW = timedelta(seconds=30)
# A worker begins a run within seconds. One with a lost machine never does, and Dagster gives up on such a run
# after a quarter of an hour.
_TIME_TO_BEGIN = timedelta(minutes=1)
_MOST_NOT_BEGUN = 3


@dataclass(frozen=True)
class RunUnderWay:
    """An unfinished run; instants are aware.

    Without `handed_over_at` it waits in Dagster's own queue, which loses none.
    """

    handed_over_at: datetime | None = None
    began_at: datetime | None = None

    def is_coming(self, now: datetime) -> bool:
        """Tell whether it has not had enough time to begin, or to announce that it answers.

        A killed run counts as begun until Dagster notices, minutes later; its announcement ended with its
        process.
        """
        if self.began_at is not None:
            return now - self.began_at < _TIME_TO_SHOW
        return self.handed_over_at is None or now - self.handed_over_at < _TIME_TO_BEGIN


def why_none_starts(
    *, waiting: int, where: str, is_answered: bool, under_way: Sequence[RunUnderWay], now: datetime
) -> str | None:
    """Return why not to start a run for the waiting requests, or None to start one."""
    if is_answered or any(run.is_coming(now) for run in under_way):
        return "a run is answering requests"
    if not waiting:
        return f"no request waits in {where}"
    if sum(run.began_at is None for run in under_way) >= _MOST_NOT_BEGUN:
        return f"{_MOST_NOT_BEGUN} runs wait for a worker: check that one is running"
    return None
