"""Where an order is listed, as microseconds since 1970 in UTC."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Europe/Amsterdam")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_YEAR_AND_MONTH = re.compile(r"\s*(\d{4})-(\d{2})")


def microseconds(text: Any) -> int | None:
    """Return the instant of an ISO 8601 date or date-time, local without offset; None if it is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return since_epoch(moment if moment.tzinfo else moment.replace(tzinfo=LOCAL))
    except (ValueError, OverflowError):
        return None


def since_epoch(moment: datetime) -> int:
    """Return an aware datetime as microseconds since 1970."""
    return (moment - EPOCH) // _MICROSECOND


def place_of_order(header: Any, neighbour: int) -> int:
    """Return where an order is listed: by its date, else by its readable part, else beside its neighbour."""
    if not isinstance(header, dict):
        return neighbour
    found = microseconds(header.get("orderDate"))
    if found is not None:
        return found
    # A 30th of February belongs in its February: a client that reads month by month has to meet it there.
    stem = _YEAR_AND_MONTH.match(str(header.get("orderDate") or ""))
    if stem:
        found = microseconds(f"{stem[1]}-{stem[2]}-01")
    if found is None:
        found = microseconds(header.get("modified"))
    return neighbour if found is None else found
