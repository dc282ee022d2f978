"""The date rules of the wire as pure functions: which dates are real, which instant a text means."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

_UNIX = date(1970, 1, 1)
PLACEHOLDERS = frozenset(
    {
        date(1, 1, 1),  # .NET
        date(1753, 1, 1),  # SQL Server
        date(1899, 12, 30),  # OLE Automation, and so Excel, Access and Delphi
        date(1899, 12, 31),
        date(1900, 1, 1),
        _UNIX,
        date(9999, 12, 31),
    }
)
"""The date-times that back offices write for "none". Any other day may be real: a customer of 1985, an order
of 1989.
"""

FIRST_DELIVERY = date(1990, 1, 1)
LAST_DELIVERY = date(2200, 12, 31)
"""No delivery is expected outside these days: any date beyond them is a placeholder."""


def as_instant(value: object, timezone: ZoneInfo) -> datetime:
    """Return the instant in UTC that an ISO 8601 text means.

    Without an offset, the text is local time of the administration; a local time that occurs twice means the
    first. Raises `ValueError` for anything but a date-time, and for a placeholder.
    """
    if not isinstance(value, str):
        raise ValueError("is not an ISO 8601 date-time")
    try:
        instant, days = _read(value, timezone)
    except (ValueError, OverflowError):
        raise ValueError("is not a real ISO 8601 date-time") from None
    if not PLACEHOLDERS.isdisjoint(days):
        raise ValueError("is not a real ISO 8601 date-time")
    return instant


def asked_instant(value: object, timezone: ZoneInfo) -> datetime:
    """Return the instant in a request; raises as `as_instant` does.

    It may be 1 January 1970: that is how requests write "since ever".
    """
    instant = None if not isinstance(value, str) else _since_ever(value, timezone)
    return as_instant(value, timezone) if instant is None else instant


def _since_ever(text: str, timezone: ZoneInfo) -> datetime | None:
    try:
        instant, days = _read(text, timezone)
    except (ValueError, OverflowError):
        return None
    return instant if _UNIX in days else None


def asked_day(value: object, timezone: ZoneInfo) -> date | None:
    """Return the day in a request, or None if the value is not a day."""
    try:
        return asked_instant(value, timezone).astimezone(timezone).date()
    except ValueError:
        return None


def optional_instant(value: object, timezone: ZoneInfo) -> datetime | None:
    """Return the instant that a text means, or None for null, an empty text or a placeholder.

    Raises `ValueError` for anything else that is not a date-time.
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
    text = str(value).strip()
    try:
        read = datetime.fromisoformat(text)
        days = {read.date()}
        if read.tzinfo is not None:
            days.add(read.astimezone(timezone).date())
    except (ValueError, OverflowError):
        return text[:10] in {day.isoformat() for day in PLACEHOLDERS}
    return not days.isdisjoint(PLACEHOLDERS)


def _read(text: str, timezone: ZoneInfo) -> tuple[datetime, set[date]]:
    """Return the instant that a text means, with its day as written and its local day."""
    written = datetime.fromisoformat(text.strip())
    instant = (written if written.tzinfo else written.replace(tzinfo=timezone)).astimezone(UTC)
    return instant, {written.date(), instant.astimezone(timezone).date()}


def real_date(value: object, timezone: ZoneInfo) -> date | None:
    """Return the day of a delivery in the administration's time zone, or None if there is none.

    Returns None for null, empty and free text, and for the placeholders of back offices: any day before 1990
    or after 2200, as written or in the administration's time zone.
    """
    if not isinstance(value, str):
        return None
    try:
        instant, days = _read(value, timezone)
    except (ValueError, OverflowError):
        return None
    if min(days) < FIRST_DELIVERY or max(days) > LAST_DELIVERY:
        return None
    return instant.astimezone(timezone).date()


def as_query(instant: datetime) -> str:
    """Write an aware instant for a query, with its offset."""
    if instant.tzinfo is None:
        raise ValueError("an instant in a query needs its offset")
    return instant.isoformat()
