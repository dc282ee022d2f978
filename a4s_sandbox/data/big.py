"""A big, plain order history for measurements: quickly made, with lines made on demand."""

from datetime import UTC, datetime, timedelta
from functools import partial

from a4s_sandbox.data.instants import since_epoch
from a4s_sandbox.world import World

_FIRST = datetime(2016, 1, 4, 7, 30, tzinfo=UTC)
_LAST = datetime(2025, 12, 30, 16, 30, tzinfo=UTC)
_CUSTOMERS = 250
_ITEMS = 500


def generated_world(
    orders: int, lines_per_order: int = 4, seed: int = 1, administration: str = "Demo B.V."
) -> World:
    """Return a world of one administration with orders spread evenly over 2016 to 2025."""
    world = World()
    held = world.add_administration(administration, "Exact Globe", timedelta(minutes=20))
    for number in range(_CUSTOMERS):
        held.put_customer({"customerCode": _customer(number), "name": f"Klant {number}", "addresses": []})
    for number in range(_ITEMS):
        code = _item(number)
        stock = {"itemCode": code, "shelfStock": 100, "toBeDelivered": 0, "deliveryDates": []}
        held.put_item({"itemCode": code, "names": {"nl": f"Artikel {number}"}, "images": [], "stock": stock})
    step = (_LAST - _FIRST) / max(orders, 1)
    for number in range(orders):
        moment = (_FIRST + step * number).replace(microsecond=0)
        code = f"G{number:07d}"
        cents = sum(_cents(number, line, seed) for line in range(lines_per_order))
        vat = (cents * 21 + 50) // 100
        header = (
            f'{{"orderCode":"{code}","orderNumber":"{code}","orderDate":"{moment.isoformat()}",'
            f'"customerCode":"{_customer(number * 7 + seed)}","orderType":"order","status":"invoiced",'
            f'"reference":"Ref {number}","currency":"EUR","subTotal":{_money(cents)},'
            f'"vatTotal":{_money(vat)},"shippingCosts":0.00,"total":{_money(cents + vat)}}}'
        )
        lines = partial(_lines, number, lines_per_order, seed)
        held.put_encoded_order(code, since_epoch(moment), header.encode(), lines)
    return world


def _lines(number: int, count: int, seed: int) -> bytes:
    rows = [
        f'{{"lineCode":"{line * 10}","lineNumber":{line},"itemCode":"{_item(number * 3 + line * 11)}",'
        f'"description":"Artikel van regel {line}","quantity":{_quantity(number, line)}.000,"unit":"stuk",'
        f'"price":{_money(_price(number, line, seed))},"discount":0,"lineTotal":'
        f"{_money(_cents(number, line, seed))}}}"
        for line in range(count)
    ]
    return f"[{','.join(rows)}]".encode()


def _quantity(number: int, line: int) -> int:
    return 1 + (number * 7 + line * 3) % 12


def _price(number: int, line: int, seed: int) -> int:
    return 250 + (number * 31 + line * 97 + seed * 13) % 9000


def _cents(number: int, line: int, seed: int) -> int:
    return _quantity(number, line) * _price(number, line, seed)


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _customer(number: int) -> str:
    return f"K{number % _CUSTOMERS:05d}"


def _item(number: int) -> str:
    return f"A{number % _ITEMS:05d}"
