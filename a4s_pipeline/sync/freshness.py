"""Which streams are out of date, why, and what to do; and when to ask one without history: pure decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from a4s_pipeline.texts import as_code
from a4s_pipeline.warehouse.health import StreamHealth

OLDEST = timedelta(hours=24)
_LONGEST_ERROR = 200


def stale_streams(
    stream: str, connectors: Iterable[str], known: Mapping[str, StreamHealth], now: datetime, zone: ZoneInfo
) -> list[str]:
    """Return a clause for each of these connectors whose stream has not succeeded for a day."""
    faults = {name: _fault(stream, name, known.get(name, StreamHealth()), now, zone) for name in connectors}
    return [f"{name} {fault}" for name, fault in faults.items() if fault]


def _fault(stream: str, connector: str, health: StreamHealth, now: datetime, zone: ZoneInfo) -> str | None:
    run = f"`a4s sync {stream} --connector {connector}`"
    if health.has_history is False:
        return (
            "has no focus connector: have one configured in the legacy backend; the schedule asks again "
            f"once a day, {run} at once"
        )
    success = health.last_success_at
    if success is not None and now - success <= OLDEST:
        return None
    if success is None and health.last_run_at is None:
        return f"was never tried: see that its schedule and the daemon run, or run {run}"
    since = "was never read to its end" if success is None else f"last succeeded {_minute(success, zone)}"
    if health.last_run_at is None or (success is not None and health.last_run_at <= success):
        return f"{since} and was not tried since: see that its schedule and the daemon run, or run {run}"
    tried = f"{since}; the run of {_minute(health.last_run_at, zone)}"
    if health.last_error is None:
        return f"{tried} found a listing that moved while it was read: run {run} at a quieter hour"
    return (
        f"{tried} failed, {as_code(health.last_error, _LONGEST_ERROR)}: "
        f"`a4s check --connector {connector}` says what to mend"
    )


def stale_histories(
    connectors: Iterable[str], known: Mapping[str, StreamHealth], now: datetime, zone: ZoneInfo
) -> list[str]:
    """Return a clause for each connector whose legacy backend has not synced its history for a day."""
    return [
        f"{name} ({_last_synced(health.last_history_sync, zone)})"
        for name in connectors
        if (health := known.get(name)) is not None
        and health.has_history
        and (health.last_history_sync is None or now - health.last_history_sync > OLDEST)
    ]


def _last_synced(instant: datetime | None, zone: ZoneInfo) -> str:
    return "never synced" if instant is None else f"last synced {_minute(instant, zone)}"


def waits_until_tomorrow(
    has_history: bool | None, last_run_at: datetime | None, now: datetime, zone: ZoneInfo
) -> bool:
    """Tell whether a connector has no history and was asked for it today: four times an hour is noise."""
    if has_history is not False or last_run_at is None:
        return False
    return last_run_at.astimezone(zone).date() == now.astimezone(zone).date()


def _minute(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M")
