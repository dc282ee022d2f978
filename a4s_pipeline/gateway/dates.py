"""Which date is real, and which instant a text means: the rules of the wire, as pure functions."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

# What back offices write where there is no date.
PLACEHOLDERS = frozenset({date(1, 1, 1), date(1753, 1, 1), date(1900, 1, 1), date(9999, 12, 31)})


def as_instant(value: object, timezone: ZoneInfo) -> datetime:
    """Return the instant in UTC that an ISO 8601 text means.

    With an offset it is taken as given; without one it is local time of the administration. Of a
    local time that exists twice, the first is meant. Raises `ValueError` where the text is no
    date-time, or is a placeholder for none.
    """
    if not isinstance(value, str):
        raise ValueError("is no ISO 8601 date-time")
    try:
        read = datetime.fromisoformat(value.strip())
        if read.date() in PLACEHOLDERS:
            raise ValueError
        instant = (read if read.tzinfo else read.replace(tzinfo=timezone)).astimezone(UTC)
        if instant.astimezone(timezone).date() in PLACEHOLDERS:
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError("is no real ISO 8601 date-time") from None
    return instant


def optional_instant(value: object, timezone: ZoneInfo) -> datetime | None:
    """Return the instant that a text means, or None where it is null, empty, or a placeholder for none.

    Raises `ValueError` for anything else that is no date-time.
    """
    if value is None or value == "":
        return None
    try:
        return as_instant(value, timezone)
    except ValueError:
        if _is_placeholder(value, timezone):
            return None
        raise


def _is_placeholder(value: object, timezone: ZoneInfo) -> bool:
    try:
        read = datetime.fromisoformat(str(value).strip())
        days = {read.date()}
        if read.tzinfo is not None:
            days.add(read.astimezone(timezone).date())
    except (ValueError, OverflowError):
        return str(value).strip()[:10] in {day.isoformat() for day in PLACEHOLDERS}
    return not days.isdisjoint(PLACEHOLDERS)


def real_date(value: object, timezone: ZoneInfo) -> date | None:
    """Return the day that a text means in the administration's time zone, or None where it means none.

    None is returned for null, empty and free text, and for the placeholders that back offices write.
    """
    try:
        return as_instant(value, timezone).astimezone(timezone).date()
    except ValueError:
        return None


def as_query(instant: datetime) -> str:
    """Write an aware instant for a query, with its offset."""
    if instant.tzinfo is None:
        raise ValueError("an instant in a query needs its offset")
    return instant.isoformat()
