"""How numbers, dates and names are written on the page."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

_UNKNOWN = "\N{EN DASH}"
NO_CURRENCY = "no currency"
_LONGEST_NAME = 90
_STEPS = ((Decimal(10) ** 9, "bn"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "k"))


def number(value: Decimal | int) -> str:
    """Return a number rounded to whole ones, with separators of thousands: `-1,234`."""
    return _signed(f"{abs(_whole(value)):,}", is_negative=_whole(value) < 0)


def quantity(value: Decimal, decimals: int = 2) -> str:
    """Return a quantity with its decimals, up to a maximum: `1,234.5`."""
    rounded = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    text = f"{abs(rounded):,}"
    return _signed(text.rstrip("0").rstrip(".") if "." in text else text, is_negative=rounded < 0)


def money(value: Decimal | None, currency: str | None) -> str:
    """Return an amount to the cent, after the code of its currency: `EUR 1,234.50`."""
    if value is None:
        return _UNKNOWN
    text = _signed(f"{abs(value):,.2f}", is_negative=value < 0)
    return f"{currency} {text}" if currency else text


def compact(value: float) -> str:
    """Return a round number as an axis shows it: `1.5M`, `250k`, `80`."""
    amount = Decimal(str(round(value, 6)))
    for step, suffix in _STEPS:
        if abs(amount) >= step:
            return quantity(amount / step) + suffix
    return quantity(amount)


def change(now: Decimal, before: Decimal) -> str | None:
    """Return the change of sales in percent; None without sales to compare with."""
    if before <= 0:
        return None
    percent = _whole((now - before) / before * 100)
    return f"+{percent:,}%" if percent > 0 else _signed(f"{abs(percent):,}%", is_negative=percent < 0)


def share(part: Decimal, whole: Decimal) -> str:
    """Return a part in percent of the whole: `12.3%`."""
    if whole <= 0:
        return _UNKNOWN
    return f"{(part / whole * 100).quantize(Decimal('0.1'), ROUND_HALF_UP)}%"


def day(value: date) -> str:
    """Return a day: `3 Mar 2024`."""
    return f"{value.day} {value:%b %Y}"


def moment(value: datetime | None, now: datetime) -> str:
    """Return a local date and time, in the time zone of `now`: `3 Mar 2024, 14:05`."""
    if value is None:
        return _UNKNOWN
    local = value.astimezone(now.tzinfo)
    return f"{day(local)}, {local:%H:%M}"


def ago(value: datetime, now: datetime) -> str:
    """Return how long ago something was: `5 min`, `3 hours`, `12 days`."""
    minutes = max(0, int((now - value).total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def short(text: str | None) -> str:
    """Return a text from the data, cut if it is too long for the page."""
    if not text:
        return ""
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"


def _whole(value: Decimal | int) -> int:
    return int(Decimal(value).quantize(Decimal(1), ROUND_HALF_UP))


def _signed(text: str, *, is_negative: bool) -> str:
    return f"\N{MINUS SIGN}{text}" if is_negative else text
