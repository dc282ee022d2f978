"""What the descriptions of views share."""

from __future__ import annotations

from zoneinfo import ZoneInfo

SUM = "DECIMAL(38,4)"
"""What a sum of amounts is: exact, and wide enough for any number of them."""


def local_time(instant: str, zone: ZoneInfo) -> str:
    """Return the SQL for the local date-time of an instant."""
    name = str(zone).replace("'", "''")
    return f"timezone('{name}', {instant})"
