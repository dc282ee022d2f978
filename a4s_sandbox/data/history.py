"""An invented order history: growth, seasons, opening hours, and totals that add up."""

import random
from bisect import bisect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import accumulate
from typing import Any

from a4s_sandbox.data.catalogue import Product
from a4s_sandbox.data.instants import LOCAL
from a4s_sandbox.data.relations import address

Order = tuple[dict[str, Any], list[dict[str, Any]]]

_FIRST_YEAR = 2022
_MONTHS = 58
"""January 2022 to October 2026."""
_GROWTH_A_YEAR = 0.13
_SEASON = (0.70, 0.80, 1.20, 1.45, 1.50, 1.25, 0.85, 0.75, 1.00, 1.05, 1.15, 0.90)
# Gardens in spring, workwear towards winter, the rest all year.
_FAMILY_SEASON = {"TUIN": (0.4, 0.7, 1.8, 2.4, 2.2, 1.5, 0.9, 0.7, 0.8, 0.6, 0.3, 0.2)} | {
    "KLED": (1.2, 1.0, 0.8, 0.7, 0.6, 0.5, 0.5, 0.7, 1.2, 1.7, 2.0, 1.6)
}
_CENT = Decimal("0.01")
_VAT = Decimal("0.21")
_REPS = ("S. Bos", "M. Dekker", "R. Çelik", None)
_QUANTITIES = (1, 1, 2, 2, 3, 4, 5, 6, 10, 12, 24)


def cents(amount: Decimal) -> Decimal:
    """Return an amount rounded half up to cents."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def history(
    count: int,
    prefix: str,
    range_: list[Product],
    customers: list[dict[str, Any]],
    *,
    first_line_number: int,
    chance: random.Random,
) -> Iterator[Order]:
    """Yield this many orders from January 2022 to October 2026, oldest first."""
    weights = [_SEASON[month % 12] * (1 + _GROWTH_A_YEAR) ** (month / 12) for month in range(_MONTHS)]
    shares = list(accumulate(weights))
    # A few customers buy a lot, most buy now and then.
    favour = list(accumulate(1 / (rank + 3) for rank in range(len(customers))))
    ranges = [list(accumulate(_wanted(product, month) for product in range_)) for month in range(12)]
    months = sorted(bisect(shares, (n + chance.random()) / count * shares[-1]) for n in range(count))
    moments = sorted(_moment(min(month, _MONTHS - 1), chance) for month in months)
    for number, moment in enumerate(moments, start=1):
        customer = customers[bisect(favour, chance.random() * favour[-1])]
        wanted = ranges[moment.month - 1]
        chosen = [range_[bisect(wanted, chance.random() * wanted[-1])] for _ in range(_lines(chance))]
        code = f"{prefix}{moment:%y}-{number:05d}"
        yield _order(
            number, code, moment, customer, chosen, first_line_number=first_line_number, chance=chance
        )


def _wanted(product: Product, month: int) -> float:
    season = _FAMILY_SEASON.get(product.family, (1.0,) * 12)[month]
    return season / (1 + sum(product.code.encode()) % 7)


def _lines(chance: random.Random) -> int:
    return min(1 + int(chance.expovariate(0.33)), 18)


def _moment(month: int, chance: random.Random) -> datetime:
    """Return a local time in a month, on a working day between 7:30 and 17:30."""
    first = datetime(_FIRST_YEAR + month // 12, month % 12 + 1, 1, 7, 30, tzinfo=LOCAL)
    moment = first + timedelta(days=chance.randrange(28), seconds=chance.randrange(10 * 3600))
    if moment.weekday() < 5:
        return moment
    return moment - timedelta(days=moment.weekday() - 4 if moment.day > 2 else -2)


def _written(number: int, moment: datetime) -> str:
    """Return a local time as some back office writes it: bare, with offset, in UTC, or as a day."""
    if number % 10 == 3:
        return moment.isoformat(timespec="seconds")
    if number % 10 == 6:
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if number % 50 == 9:
        return moment.date().isoformat()
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds" if number % 10 == 8 else "seconds")


def _order(
    number: int,
    code: str,
    moment: datetime,
    customer: dict[str, Any],
    chosen: list[Product],
    *,
    first_line_number: int,
    chance: random.Random,
) -> Order:
    kind = chance.choices(("order", "invoice", "quotation", "return", None), (86, 6, 4, 3, 1))[0]
    lines = [
        _line(product, index, first_line_number + index, -1 if kind == "return" else 1, chance)
        for index, product in enumerate(chosen)
    ]
    promised = (moment + timedelta(days=1 + number % 9)).date()
    for line in lines[:: 1 + number % 3]:
        line["deliveryDate"] = f"{promised}T00:00:00" if number % 4 == 0 else str(promised)
    header: dict[str, Any] = {
        "orderCode": code,
        "orderNumber": f"{moment:%Y}{number:05d}",
        "orderDate": _written(number, moment),
        "customerCode": customer["customerCode"],
        "customerName": customer["name"],
        "orderType": kind,
        "status": "open"
        if moment.year == 2026 and moment.month > 9
        else chance.choice(("invoiced", "shipped")),
        "reference": f"Ref {number}" if number % 3 else None,
        "yourReference": f"PO-{chance.randint(1000, 9999)}",
        "currency": customer.get("currency"),
        **totals(lines, kind),
        "salesRep": chance.choice(_REPS),
        "modified": (moment + timedelta(days=3)).isoformat(timespec="seconds"),
    }
    if number % 5 == 0:
        header["deliveryAddress"] = address("Delivery", customer["name"], chance)
    if number % 7 == 0:
        header["notes"] = chance.choice(
            ("Graag vóór 10:00 leveren", "Afhalen aan balie\nMagazijn 2", "", "Spoed!")
        )
    if number % 11 == 0:
        header |= {"warehouse": "AMS1", "custom": {"project": f"P{number % 40}", "colli": number % 9}}
    if number % 13 == 0:
        for absent in ("reference", "salesRep", "modified", "status", "yourReference"):
            del header[absent]
    if number % 17 == 0:
        header["externalId"] = f"web-{number:06d}"
    return header, lines


def _line(product: Product, index: int, line_number: int, sign: int, chance: random.Random) -> dict[str, Any]:
    quantity = sign * chance.choice(_QUANTITIES) * (100 if product.price < 1 else 1)
    discount = chance.choice((0, 0, 0, 5, Decimal("7.5"), 10))
    price = product.price
    line: dict[str, Any] = {
        "lineCode": str((index + 1) * 10),
        "lineNumber": line_number,
        "itemCode": product.code,
        "description": product.name,
        "quantity": quantity,
        "unit": product.unit,
        "price": price,
        "discount": discount,
        "lineTotal": cents(quantity * price * (100 - Decimal(discount)) / 100),
    }
    match chance.randrange(12):
        case 0:
            line["instruction"] = "Los leveren, niet verpakken"
        case 1:
            line |= {"instruction": None, "deliveryDate": None, "yourReference": f"pos {index}"}
        case 2:
            line["batch"] = f"L{chance.randint(100, 999)}"
        case 3:
            del line["discount"], line["unit"]
            line["lineTotal"] = cents(quantity * price)
    return line


def totals(lines: list[dict[str, Any]], kind: str | None = "order") -> dict[str, Decimal]:
    """Return a header's totals for its lines, in its currency."""
    sub_total = sum((Decimal(line["lineTotal"] or 0) for line in lines), Decimal("0.00"))
    vat = cents(sub_total * _VAT)
    shipping = Decimal("12.50") if kind == "order" and 0 < sub_total < 250 else Decimal("0.00")
    return {
        "subTotal": sub_total,
        "vatTotal": vat,
        "shippingCosts": shipping,
        "total": sub_total + vat + shipping,
    }
