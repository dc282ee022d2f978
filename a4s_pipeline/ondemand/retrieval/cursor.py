"""Where a page of orders ended, as a text that its reader returns to get the next."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Cursor:
    """The last order of a page: what follows is older, or of the same instant and before it by code."""

    order_date: datetime
    order_code: str

    def __str__(self) -> str:
        whole = f"{(self.order_date - _EPOCH) // _MICROSECOND} {self.order_code}"
        return base64.urlsafe_b64encode(whole.encode()).decode().rstrip("=")


def read_cursor(text: object) -> Cursor:
    """Read what `str` made of a cursor; raises `ValueError` for anything else."""
    try:
        if not isinstance(text, str):
            raise ValueError
        padded = text + "=" * (-len(text) % 4)
        whole = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        microseconds, _, code = whole.partition(" ")
        read = Cursor(_EPOCH + int(microseconds) * _MICROSECOND, code)
    except (ValueError, OverflowError):
        raise ValueError("must be the unchanged `next` of an answer") from None
    if str(read) != text or not code:
        raise ValueError("must be the unchanged `next` of an answer")
    return read
