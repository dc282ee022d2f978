"""Items and customers at the source, and the rows they should give, computed independently."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline_tests.sync.conftest import AMSTERDAM, Site, instant, stored_amount
from a4s_sandbox import Administration
from a4s_sandbox.answers.encoding import decode, encode

Rows = dict[str, list[dict[str, Any]]]


def counts(result: SyncResult) -> tuple[int, int, int, int, int]:
    return result.seen, result.new, result.changed, result.unchanged, result.removed


def item(code: str, **more: Any) -> dict[str, Any]:
    stock = {"itemCode": code, "shelfStock": 5, "toBeDelivered": 2, "deliveryDates": []}
    return {"itemCode": code, "names": {"nl": f"Artikel {code}"}, "images": [], "stock": stock, **more}


def customer(code: str, **more: Any) -> dict[str, Any]:
    lists: dict[str, Any] = {"addresses": [], "contactPersons": [], "contactDetails": []}
    return {"customerCode": code, "name": f"Klant {code}", **lists, **more}


@dataclass(frozen=True)
class Stream:
    """One of the two streams, for tests about both."""

    name: str
    table: str
    code: str
    make: Callable[..., dict[str, Any]]

    def put(self, site: Site, code: str, **more: Any) -> None:
        self.put_record(site.source, self.make(code, **more))

    def put_record(self, source: Administration, record: Any) -> str:
        return source.put_item(record) if self.name == "items" else source.put_customer(record)

    def put_body(self, source: Administration, key: str, body: bytes) -> None:
        """Put a record given as JSON, whatever it holds."""
        getattr(source, self.name).put(key, body)

    def put_many(self, site: Site, count: int) -> list[str]:
        codes = [f"A{number:03d}" for number in range(count)]
        for code in codes:
            self.put(site, code)
        return codes

    def remove(self, source: Administration, code: str) -> None:
        getattr(source, self.name).remove(code)

    def sync(self, site: Site, *, run_id: str | None = None, connector: str = "demo") -> SyncResult:
        return site.platform.sync(self.name, connector, run_id=run_id or str(uuid4())).or_raise()

    def codes(self, site: Site, connector: str = "demo") -> list[str]:
        rows = site.query(
            f"SELECT {self.code} FROM {self.table} WHERE connector = ? AND removed_at IS NULL ORDER BY ALL",
            connector,
        )
        return [code for (code,) in rows]

    def removed(self, site: Site) -> list[str]:
        rows = site.query(f"SELECT {self.code} FROM {self.table} WHERE removed_at IS NOT NULL ORDER BY ALL")
        return [code for (code,) in rows]

    def everything(self, site: Site) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of the stream's tables."""
        return {name: site.query(f"SELECT * FROM {name} ORDER BY ALL") for name in TABLES[self.name]}

    def assert_as_at_source(self, site: Site, connector: str = "demo", source: Any = None) -> None:
        """Compare the stored rows with the source, and check that none is stored twice."""
        expected: Rows = {name: [] for name in TABLES[self.name]}
        records = getattr(source or site.source, self.name)
        for key in records.keys():  # noqa: SIM118 - no dictionary
            for name, rows in ROWS_OF[self.name](decode(records.get(key).body)).items():
                expected[name] += rows
        for name, rows in expected.items():
            assert held(site, self, name, connector, rows) == sorted(rows, key=repr), name


ITEMS = Stream("items", "items", "item_code", item)
CUSTOMERS = Stream("customers", "customers", "customer_code", customer)
TABLES = {
    "items": ["items", "item_names", "item_attributes", "item_images", "item_stocks", "item_deliveries"],
    "customers": [
        "customers",
        "customer_addresses",
        "customer_contact_persons",
        "customer_contact_details",
    ],
}


def held(
    site: Site, stream: Stream, table: str, connector: str, like: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    columns = ", ".join(like[0]) if like else "*"
    rows = site.records(
        f"SELECT {columns} FROM {table} WHERE connector = $1 AND {stream.code} IN "
        f"(SELECT {stream.code} FROM {stream.table} WHERE connector = $1 AND removed_at IS NULL)",
        connector,
    )
    return sorted(rows, key=repr)


def day(text: Any) -> date | None:
    """What a delivery's date means by the contract: none if it is not real."""
    try:
        read = instant(text).astimezone(AMSTERDAM).date()
    except (ValueError, TypeError, OverflowError):
        return None
    return read if 1990 <= read.year <= 2200 and 1990 <= int(str(text)[:4]) <= 2200 else None


def optional_instant(text: str | None) -> Any:
    return instant(text) if text else None


def attributes(record: dict[str, Any], known: set[str]) -> dict[str, Any]:
    unknown = {name: value for name, value in record.items() if name not in known | {"attributes"}}
    return unknown | (record.get("attributes") or {})


def as_json(value: Any) -> str | None:
    return encode(value).decode() if value else None


def item_rows(record: dict[str, Any]) -> Rows:
    code = {"item_code": record["itemCode"]}
    unit = record.get("unitOfMeasure") or {}
    known = {"itemCode", "names", "familyCode", "eanCode", "unitOfMeasure", "images", "stock", "created"}
    extra = attributes(record, known | {"modified"})
    stock = record["stock"]
    return {
        "items": [
            code
            | {
                "family_code": record.get("familyCode"),
                "ean_code": record.get("eanCode"),
                "unit_code": unit.get("code"),
                "unit_description": unit.get("description"),
                "unit_quantity": stored_amount(unit.get("quantity")),
                "created": optional_instant(record.get("created")),
                "modified": optional_instant(record.get("modified")),
                "attributes": as_json(extra),
            }
        ],
        "item_names": [code | {"language": key, "name": name} for key, name in record["names"].items()],
        "item_attributes": [
            code | {"name": name, "value": encode(value).decode()} for name, value in extra.items()
        ],
        "item_images": [
            code
            | {
                "image_number": number,
                "hash": image["hash"],
                "file_name": image.get("fileName"),
                "sequence": image["sequence"],
            }
            for number, image in enumerate(record["images"], start=1)
        ],
        "item_stocks": [
            code
            | {
                "shelf_stock": stored_amount(stock["shelfStock"]),
                "to_be_delivered": stored_amount(stock["toBeDelivered"]),
            }
        ],
        "item_deliveries": [
            code
            | {
                "entry_number": number,
                "delivery_date": day(entry.get("date")),
                "quantity": stored_amount(entry["quantity"]),
            }
            for number, entry in enumerate(stock["deliveryDates"], start=1)
        ],
    }


_CUSTOMER_TEXTS = {
    "external_id": "externalId",
    "name": "name",
    "coc_number": "cocNumber",
    "vat_number": "vatNumber",
    "is_blocked": "isBlocked",
    "is_prospect": "isProspect",
    "language_code": "languageCode",
    "currency": "currency",
    "price_list": "priceList",
    "payment_condition_code": "paymentConditionCode",
    "website": "website",
}
_ADDRESS_TEXTS = {
    "type": "type",
    "custom_type": "customType",
    "name": "name",
    "address_line1": "addressLine1",
    "address_line2": "addressLine2",
    "address_line3": "addressLine3",
    "post_code": "postCode",
    "city": "city",
    "state": "state",
    "country": "country",
    "is_main": "isMain",
}
_PERSON_TEXTS = {
    "first_name": "firstName",
    "last_name": "lastName",
    "function": "function",
    "gender": "gender",
    "is_main": "isMain",
}
_DETAIL_TEXTS = {"type": "type", "custom_type": "customType", "value": "value"}


def picked(record: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    return {column: record.get(name) for column, name in texts.items()}


def customer_rows(record: dict[str, Any]) -> Rows:
    code = {"customer_code": record["customerCode"]}
    lists = {"addresses", "contactPersons", "contactDetails"}
    known = {"customerCode", "discount", "created", "modified", *_CUSTOMER_TEXTS.values(), *lists}
    persons = record["contactPersons"]
    details = [(0, one) for one in enumerate(record["contactDetails"], start=1)]
    for number, person in enumerate(persons, start=1):
        details += [(number, one) for one in enumerate(person["contactDetails"], start=1)]
    return {
        "customers": [
            code
            | picked(record, _CUSTOMER_TEXTS)
            | {
                "discount": stored_amount(record.get("discount")),
                "created": optional_instant(record.get("created")),
                "modified": optional_instant(record.get("modified")),
                "attributes": as_json(attributes(record, known)),
            }
        ],
        "customer_addresses": [
            code
            | {"address_number": number, "attributes": as_json(attributes(one, set(_ADDRESS_TEXTS.values())))}
            | picked(one, _ADDRESS_TEXTS)
            for number, one in enumerate(record["addresses"], start=1)
        ],
        "customer_contact_persons": [
            code | {"person_number": number} | picked(one, _PERSON_TEXTS)
            for number, one in enumerate(persons, start=1)
        ],
        "customer_contact_details": [
            code | {"person_number": person, "detail_number": number} | picked(one, _DETAIL_TEXTS)
            for person, (number, one) in details
        ],
    }


ROWS_OF: dict[str, Callable[[dict[str, Any]], Rows]] = {"items": item_rows, "customers": customer_rows}


def json_of(text: str | None) -> Any:
    return None if text is None else json.loads(text, parse_float=Decimal)
