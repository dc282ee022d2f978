"""What the sandbox holds: administrations with their orders, items, customers, pictures and booked orders."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from a4s_sandbox.answers.encoding import decode, encode
from a4s_sandbox.data.instants import LOCAL, place_of_order, since_epoch
from a4s_sandbox.data.records import Records

_NO_DATE_AT_ALL = since_epoch(datetime(2022, 1, 1, tzinfo=UTC))


@dataclass(slots=True)
class BookedOrder:
    """A third-party order as the ERP holds it; `body` is the request, `at` the time of booking."""

    order_id: str
    order_number: str
    external_id: str
    body: dict[str, Any]
    at: datetime
    in_history: bool = False


class Administration:
    """One administration of the ERP; it may change while it is served."""

    def __init__(
        self, name: str, focus_connector: str | None, last_history_sync: datetime | timedelta | None
    ) -> None:
        self.name = name
        self.focus_connector = focus_connector
        self.last_history_sync = last_history_sync
        """When the legacy backend last synced; a timedelta is that long before the server started."""
        self.last_history_sync_told: Any = None
        """What the status says of it where there was none, such as "never"."""
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        """What is booked and created is dated by it."""
        self.dedupe = True
        self.forbidden = False
        self.booked: list[BookedOrder] = []
        self.lock = RLock()
        self.orders = Records()
        self.items = Records()
        self.customers = Records()
        self._lines: dict[str, bytes | Callable[[], bytes]] = {}
        self._stock: dict[str, bytes] = {}
        self._images: dict[str, bytes] = {}
        self._external_ids: dict[str, str] = {}
        self._last_place = _NO_DATE_AT_ALL

    def put_order(self, header: Any, lines: Any = ()) -> str:
        """Add an order, or replace the one with its orderCode; return the key to remove it by."""
        with self.lock:
            key = self.orders.key_of(header, "orderCode")
            self._last_place = place_of_order(header, self._last_place)
            self.put_encoded_order(key, self._last_place, encode(header), encode(lines))
            return key

    def put_encoded_order(
        self, key: str, position: int, header: bytes, lines: bytes | Callable[[], bytes]
    ) -> None:
        """Add an order given as JSON, at a position in microseconds; lines may be made on demand."""
        with self.lock:
            self.orders.put(key, header, position)
            self._lines[key] = lines

    def order(self, code: str) -> tuple[Any, Any]:
        """Return a copy of an order's header and lines as put; KeyError if there is none."""
        with self.lock:
            record, lines = self.orders.get(code), self.lines_of(code)
            if record is None or lines is None:
                raise KeyError(code)
            return decode(record.body), decode(lines)

    def remove_order(self, code: str) -> None:
        """Remove an order and its lines; KeyError if there is none."""
        with self.lock:
            self.orders.remove(code)
            del self._lines[code]

    def put_item(self, item: Any) -> str:
        """Add or replace an item by itemCode; return the key to remove it by."""
        with self.lock:
            key = self.items.key_of(item, "itemCode")
            self.items.put(key, encode(item))
            stock = item.get("stock") if isinstance(item, dict) else None
            nothing = {"itemCode": key, "shelfStock": 0, "toBeDelivered": 0, "deliveryDates": []}
            self._stock[key] = encode(nothing if stock is None else stock)
            return key

    def remove_item(self, code: str) -> None:
        """Remove an item; KeyError if there is none."""
        with self.lock:
            self.items.remove(code)
            del self._stock[code]

    def put_customer(self, customer: Any) -> str:
        """Add or replace a customer by customerCode; return the key to remove it by."""
        with self.lock:
            key = self.customers.key_of(customer, "customerCode")
            self.customers.put(key, encode(customer))
            given = customer.get("externalId") if isinstance(customer, dict) else None
            self._external_ids[key] = str(given or self._invented_id("customer", key))
            return key

    def remove_customer(self, code: str) -> None:
        """Remove a customer; KeyError if there is none."""
        with self.lock:
            self.customers.remove(code)
            del self._external_ids[code]

    def put_image(self, digest: str, picture: bytes) -> None:
        """Add or replace the picture of this hash."""
        with self.lock:
            self._images[digest] = picture

    def lines_of(self, code: str) -> bytes | None:
        """Return the JSON array of an order's lines, or None if there is no such order."""
        lines = self._lines.get(code)
        return lines() if callable(lines) else lines

    def stock_of(self, code: str) -> bytes | None:
        """Return the JSON of an item's stock, or None if there is no such item."""
        return self._stock.get(code)

    def image(self, digest: str) -> bytes | None:
        """Return the picture of this hash, or None."""
        return self._images.get(digest)

    def external_id_of(self, customer_code: str) -> str:
        """Return the identifier by which the ERP knows a customer."""
        return self._external_ids[customer_code]

    def find_booked(self, external_id: str) -> BookedOrder | None:
        """Return the first order booked under this external id, or None."""
        return next((order for order in self.booked if order.external_id == external_id), None)

    def book(self, body: dict[str, Any]) -> BookedOrder:
        """Book a third-party order, whether or not its external id is known."""
        with self.lock:
            sequence = len(self.booked) + 1
            order = BookedOrder(
                order_id=self._invented_id("order", str(sequence)),
                order_number=f"TP{sequence:06d}",
                external_id=body["externalId"],
                body=body,
                at=self.clock(),
            )
            self.booked.append(order)
            return order

    def register_customer(self, body: dict[str, Any]) -> str:
        """Add a customer that was sent to the gateway; return its new external id."""
        with self.lock:
            now = self.clock().isoformat(timespec="seconds")
            external_id = self._invented_id("customer", body["customerCode"])
            record = {
                "externalId": external_id,
                **{name: value for name, value in body.items() if name != "externalId"},
                "isBlocked": False,
                "isProspect": False,
                "created": now,
                "modified": now,
                "addresses": body.get("addresses") or [],
                "contactPersons": [],
                "contactDetails": body.get("contactDetails") or [],
            }
            self.put_customer(record)
            return external_id

    def history_sync(self, at: datetime | None = None) -> int:
        """Sync as the legacy backend does: show booked orders in the history; return how many."""
        with self.lock:
            self.last_history_sync = at or self.clock()
            waiting = [order for order in self.booked if not order.in_history]
            for order in waiting:
                self.put_order(*_as_history(order, self._name_of_customer(order.body["customerCode"])))
                order.in_history = True
            return len(waiting)

    def history_synced_at(self, started: datetime) -> datetime | None:
        """Return when the legacy backend last synced, for a server started then."""
        last = self.last_history_sync
        if isinstance(last, timedelta):
            return (started - last).replace(second=0, microsecond=0)
        return last

    def _name_of_customer(self, code: str) -> Any:
        known = self.customers.get(code)
        return decode(known.body).get("name") if known else None

    def _invented_id(self, kind: str, code: str) -> str:
        return str(uuid5(NAMESPACE_URL, f"{self.name}\n{kind}\n{code}"))


class World:
    """All administrations behind one gateway."""

    def __init__(self) -> None:
        self.administrations: dict[str, Administration] = {}

    def add_administration(
        self,
        name: str,
        focus_connector: str | None = "Exact Globe",
        last_history_sync: datetime | timedelta | None = None,
    ) -> Administration:
        """Add an empty administration; without a focus connector it has no order history."""
        self.administrations[name] = Administration(name, focus_connector, last_history_sync)
        return self.administrations[name]

    def __getitem__(self, name: str) -> Administration:
        return self.administrations[name]


def _as_history(order: BookedOrder, customer_name: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    body = order.body
    header = {
        "orderCode": order.order_number,
        "orderNumber": order.order_number,
        "externalId": order.external_id,
        "orderDate": order.at.astimezone(LOCAL).replace(tzinfo=None).isoformat(timespec="seconds"),
        "customerCode": body["customerCode"],
        "customerName": customer_name,
        "orderType": "order",
        "status": "open",
        "reference": body.get("reference"),
        "yourReference": body.get("yourReference"),
        "notes": body.get("notes"),
        "shippingCosts": body.get("shippingCosts"),
    }
    fields = ("itemCode", "description", "quantity", "unit", "price", "discount")
    lines = [
        {"lineCode": str(number * 10), "lineNumber": number, **{name: line.get(name) for name in fields}}
        for number, line in enumerate(body["lines"], start=1)
    ]
    return header, lines
