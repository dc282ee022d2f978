"""Decides whether a call is retried and after which wait: pure functions, without a clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from a4s_pipeline.errors import A4sError, ReplyBeyondBounds, TryAgain

_SECONDS = re.compile(r"(?P<sign>[+-]?)(?P<whole>[0-9]+)(?P<fraction>\.[0-9]*)?(?: ?s(?:ec(?:onds)?)?)?")


@dataclass(frozen=True)
class RetryRule:
    """How often a GET is retried and how long it waits in between, in seconds.

    Five tries wait 0.2 + 0.4 + 0.8 + 1.6 s at most: enough for a reset connection or a restarted proxy, and
    short enough that one order which always answers 500 does not hold up a sync. A gateway that names a pause
    is retried more often, because it is busy and not failing, but never sooner than one that names none,
    because some always say 0.
    """

    tries: int = 5
    tries_when_told: int = 12
    first_wait: float = 0.2
    longest_wait: float = 30.0
    longest_told_wait: float = 120.0

    def wait_before_next(self, failure: A4sError, tried: int, chance: float) -> float | None:
        """Return the seconds to wait before the next try, or None to give up.

        `tried` counts the tries so far; `chance`, a random number from 0 to 1, spreads callers that failed at
        the same time.
        """
        if not isinstance(failure, TryAgain) or isinstance(failure, ReplyBeyondBounds):
            return None
        told = failure.wait_seconds
        if told is not None:
            if tried >= self.tries_when_told or told > self.longest_told_wait:
                return None
            own = self._own_wait(min(tried, self.tries - 1), chance)
            return max(own, told + chance * self.first_wait)
        if tried >= self.tries:
            return None
        return self._own_wait(tried, chance)

    def _own_wait(self, tried: int, chance: float) -> float:
        wait = min(self.longest_wait, self.first_wait * float(2 ** max(0, tried - 1)))
        return wait * (0.5 + chance / 2)


def told_wait(retry_after: str | None, now: datetime) -> float | None:
    """Read a `Retry-After` header, seconds or an HTTP date, as seconds from now; None without one.

    Some gateways send a fraction or a negative number; a time that has passed is 0.
    """
    if retry_after is None:
        return None
    text = retry_after.strip()
    seconds = _SECONDS.fullmatch(text)
    if seconds:
        return 0.0 if seconds["sign"] == "-" else float(seconds["whole"][:9] + (seconds["fraction"] or ""))
    instant = http_date(text)
    return None if instant is None else max(0.0, (instant - now).total_seconds())


def http_date(text: str | None) -> datetime | None:
    """Read an HTTP date as an instant in UTC, or None if it is not one."""
    if text is None:
        return None
    try:
        instant = parsedate_to_datetime(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
