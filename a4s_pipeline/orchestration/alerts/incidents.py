"""Decides what to report of repeated failures: the first, a daily count, and the end; pure functions.

An outage of the gateway fails every stream of every connector, 120 runs an hour for ten connectors: it is one
incident. Otherwise an incident is one job of one connector, for one reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum

from pydantic import BaseModel

REMINDED_EVERY = timedelta(days=1)
OUTAGE = "gateway"
_NUMBERS = re.compile(r"\d+")


class Kind(Enum):
    """The kind of an alert; the values are part of the webhook's document."""

    RUN_FAILED = "run_failed"
    STILL_FAILING = "still_failing"
    RUN_RECOVERED = "run_recovered"
    OUTAGE = "gateway_outage"
    OUTAGE_OVER = "gateway_outage_over"
    CHECK_FAILED = "check_failed"
    CHECK_PASSED = "check_passed"


class Failed(BaseModel):
    """One failed run: its job, its connector, why and when.

    `is_outage`: the gateway gave no answer. `is_by_hand`: somebody started it, so nothing retries it and no
    later run shows that it is over.
    """

    job: str
    connector: str
    why: str
    at: datetime
    is_outage: bool = False
    is_by_hand: bool = False

    @property
    def key(self) -> str:
        """The key that it shares with other failures of its incident."""
        return OUTAGE if self.is_outage else f"{self.job} {self.connector}".strip()


class Incident(BaseModel):
    """Failures that belong together, until they end."""

    job: str
    connector: str
    why: str
    count: int
    since: datetime
    last: datetime
    told_at: datetime


class State(BaseModel):
    """What was reported: open incidents by key, and red checks."""

    incidents: dict[str, Incident] = {}
    red: list[str] = []


def after_failure(state: State, failed: Failed, now: datetime) -> tuple[State, Kind | None]:
    """Return the state after a failed run, and the incident to report, or None if it is not news."""
    if failed.is_by_hand and not failed.is_outage:
        return state, Kind.RUN_FAILED
    known = state.incidents.get(failed.key)
    if known is None or not _is_same(known.why, failed.why, is_outage=failed.is_outage):
        began = _with(state, failed.key, incident_of(failed, now))
        return began, Kind.OUTAGE if failed.is_outage else Kind.RUN_FAILED
    is_due = now - known.told_at >= REMINDED_EVERY
    again = known.model_copy(
        update={
            "count": known.count + 1,
            "last": max(known.last, failed.at),
            "told_at": now if is_due else known.told_at,
        }
    )
    return _with(state, failed.key, again), Kind.STILL_FAILING if is_due else None


def incident_of(failed: Failed, now: datetime) -> Incident:
    """Return the incident that begins with a failed run."""
    return Incident(
        job=failed.job,
        connector=failed.connector,
        why=failed.why,
        count=1,
        since=failed.at,
        last=failed.at,
        told_at=now,
    )


def _is_same(known: str, why: str, *, is_outage: bool) -> bool:
    # Times, counts and ports differ from one failure to the next.
    return is_outage or _NUMBERS.sub("#", known) == _NUMBERS.sub("#", why)


def _with(state: State, key: str, incident: Incident) -> State:
    return state.model_copy(update={"incidents": {**state.incidents, key: incident}})


def after_recovery(state: State, keys: Iterable[str]) -> tuple[State, dict[str, Incident]]:
    """Return the state without the incidents that are over, and those incidents."""
    over = {key: state.incidents[key] for key in keys}
    left = {key: incident for key, incident in state.incidents.items() if key not in over}
    return state.model_copy(update={"incidents": left}), over


def after_check(state: State, check: str, *, passed: bool) -> tuple[State, Kind | None]:
    """Return the state after a check, and whether it is news: it turned red, or green again."""
    if passed == (check not in state.red):
        return state, None
    red = [name for name in state.red if name != check] if passed else [*state.red, check]
    return state.model_copy(update={"red": red}), Kind.CHECK_PASSED if passed else Kind.CHECK_FAILED
