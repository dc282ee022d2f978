"""Decides which streams are out of date, why, and what to do; and when to ask a connector without history
again: pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from a4s_pipeline.files.texts import as_code
from a4s_pipeline.warehouse.health import StreamHealth
from a4s_pipeline.warehouse.rows.state import StreamState

OLDEST = timedelta(hours=24)
_LONGEST_ERROR = 200


def stale_streams(
    stream: str, connectors: Iterable[str], known: Mapping[str, StreamHealth], now: datetime, zone: ZoneInfo
) -> dict[str, str]:
    """Return a clause for each connector without a successful run of its stream for a day."""
    faults = {name: _fault(stream, name, known.get(name, StreamHealth()), now, zone) for name in connectors}
    return {name: f"{name} {fault}" for name, fault in faults.items() if fault}


def _fault(stream: str, connector: str, health: StreamHealth, now: datetime, zone: ZoneInfo) -> str | None:
    run = f"`a4s sync {stream} --connector {connector}`"
    success = health.last_success_at
    if health.lacks_history:
        return None  # a state, not a fault: `without_history` names it
    if health.has_history is False:
        return f"lost its focus connector: have it configured in the legacy backend again, then run {run}"
    if success is not None and now - success <= OLDEST:
        return None
    if success is None and health.last_run_at is None:
        return f"was never tried: check that its schedule and the daemon run, or run {run}"
    since = "was never read to its end" if success is None else f"last succeeded {_minute(success, zone)}"
    if health.last_run_at is None or (success is not None and health.last_run_at <= success):
        return f"{since} and was not tried since: check that its schedule and the daemon run, or run {run}"
    tried = f"{since}; the run of {_minute(health.last_run_at, zone)}"
    if health.last_error is None:
        return f"{tried} found a listing that moved while it was read: run {run} at a quieter hour"
    return (
        f"{tried} failed, {as_code(health.last_error, _LONGEST_ERROR)}: "
        f"`a4s check --connector {connector}` says what to do"
    )


def stale_histories(
    connectors: Iterable[str], known: Mapping[str, StreamHealth], now: datetime, zone: ZoneInfo
) -> dict[str, str]:
    """Return a clause for each connector without a history sync in the legacy backend for a day."""
    return {
        name: f"{name} ({_last_synced(health.last_history_sync, zone)})"
        for name in connectors
        if (health := known.get(name)) is not None
        and health.has_history
        and (health.last_history_sync is None or now - health.last_history_sync > OLDEST)
    }


def _last_synced(instant: datetime | None, zone: ZoneInfo) -> str:
    return "never synced" if instant is None else f"last synced {_minute(instant, zone)}"


def without_history(connectors: Iterable[str], known: Mapping[str, StreamHealth]) -> list[str]:
    """Return the connectors that have no order history and never had."""
    return [name for name in connectors if (health := known.get(name)) is not None and health.lacks_history]


def waits_until_tomorrow(state: StreamState, now: datetime, zone: ZoneInfo) -> bool:
    """Tell whether a connector never had history and was asked today already: once a day is enough."""
    if state.has_history is not False or state.was_read or state.last_run_at is None:
        return False
    return state.last_run_at.astimezone(zone).date() == now.astimezone(zone).date()


def _minute(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M")
