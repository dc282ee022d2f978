"""Orders of every awkward kind found in real administrations, a few of each."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from a4s_sandbox.data.history import Order, totals

AWKWARD_CODES = (
    "VO/2024/0113",
    "VO#2024-7",
    "VO?2024=1&a=b",
    "VO 100%",
    "VO%2F2024",
    "VO+24",
    "Bestelling 12 / spoed",
    "Órder-é-ÜNÏ-ß",
    "VO-🚚-1",
    "vo-a1",
    "VO-A1",
    "VO;24,'quote'\"dubbel\"",
    "VO\\24",
    "lines",
    "...",
    "0012",
    "12",
)
"""Codes that have to arrive to the letter."""

UNADDRESSABLE_CODES = (".", "..")
"""Codes that clients and proxies fold into another path: such records are set aside."""

_DATES = {
    "DATUM-winter": "2024-01-15T23:30:00+01:00",
    "DATUM-zomer": "2024-07-01T00:30:00+02:00",
    "DATUM-utc": "2023-12-31T23:30:00Z",
    "DATUM-ver": "2024-03-01T03:15:00+05:30",
    "DATUM-kaal": "2024-03-31T23:59:59.999",
    "DATUM-dag": "2024-02-29",
    # The hour that does not exist, and the hour that exists twice.
    "DATUM-zomertijd-in": "2023-03-26T02:30:00",
    "DATUM-wintertijd-uit": "2023-10-29T02:30:00",
    "DATUM-wintertijd-uit-1": "2023-10-29T02:30:00+02:00",
    "DATUM-wintertijd-uit-2": "2023-10-29T02:30:00+01:00",
    "DATUM-gelijk-a": "2024-05-06T09:00:00",
    "DATUM-gelijk-b": "2024-05-06T09:00:00",
    "DATUM-gelijk-c": "2024-05-06T07:00:00Z",
    "DATUM-toekomst": "2031-06-02T10:00:00",
}


def awkward_orders(customer: dict[str, Any], item_code: str, first_line_number: int) -> Iterator[Order]:
    """Yield readable and unreadable ones; their customer and item must exist."""

    def order(code: str, day: str, *lines: dict[str, Any], **more: Any) -> Order:
        header = {
            "orderCode": code,
            "orderNumber": code,
            "orderDate": day,
            "customerCode": customer["customerCode"],
            "customerName": customer["name"],
            "orderType": "order",
            "currency": "EUR",
        }
        return {**header, **totals(list(lines)), **more}, list(lines)

    def line(index: int = 0, **more: Any) -> dict[str, Any]:
        held = {"lineCode": str(index + 1), "lineNumber": first_line_number + index, "itemCode": item_code}
        return {**held, "quantity": 2, "price": Decimal("12.50"), "lineTotal": Decimal("25.00"), **more}

    for number, code in enumerate(AWKWARD_CODES):
        yield order(code, f"2024-04-{number + 1:02d}T11:{number:02d}:00", line(), line(1))
    for code, day in _DATES.items():
        yield order(code, day, line())
    yield order("LEEG-1", "2024-06-03T10:00:00")
    four = Decimal("1234.5678")
    yield order("BEDRAG-vier", "2024-06-04T10:00:00", line(quantity=1, price=four, lineTotal=four))
    fine = Decimal("0.12345678")
    yield order("BEDRAG-fijn", "2024-06-05T10:00:00", line(quantity=3, price=fine, lineTotal=3 * fine))
    off = order("BEDRAG-klopt-niet", "2024-06-06T10:00:00", line(), line(1))
    off[0]["subTotal"] += Decimal("1.37")
    yield off
    yield order("GELD-usd", "2024-06-07T10:00:00", line(), currency="USD")
    yield order("RETOUR-1", "2024-06-10T10:00:00", line(quantity=-2, lineTotal=-25), orderType="return")
    yield order("TYPE-nieuw", "2024-06-11T10:00:00", line(), orderType="consignatie")
    bare = {
        "orderCode": "KAAL-1",
        "orderDate": "2024-06-12T10:00:00",
        "customerCode": customer["customerCode"],
    }
    yield bare, [{"lineCode": "1", "lineNumber": first_line_number, "itemCode": item_code, "quantity": 1}]
    nothing = dict.fromkeys(
        ("orderNumber", "externalId", "customerName", "orderType", "currency", "subTotal")
    )
    yield order("NULL-1", "2024-06-13T10:00:00", line(price=None, lineTotal=None), **nothing)

    for code in UNADDRESSABLE_CODES:
        yield order(code, "2024-08-05T10:00:00", line())
    without_code = order("", "2024-08-06T10:00:00", line())
    del without_code[0]["orderCode"]
    yield without_code
    yield order("DATUM-bestaat-niet", "2024-02-30T10:00:00", line())
    yield order("DATUM-tekst", "onbekend", line(), modified="2024-08-07T10:00:00+02:00")
