"""The calls that make something at the gateway, each sent once, and the look-ups of what came of them."""

from __future__ import annotations

from typing import Any

from a4s_pipeline.errors import NotThere, ReplyUnreadable
from a4s_pipeline.gateway.administration import Administration

Numbers = dict[str, str]
"""What the gateway numbered something by: `orderId` and `orderNumber`, or `externalId`."""


def export_order(
    administration: Administration, external_id: str, payload: str, idempotency_key: str
) -> Numbers:
    """Send an order to the third-party order endpoint, once."""
    return administration.client.post(
        "third_party_orders",
        administration.name,
        f"order {external_id!r} of {administration.name!r}",
        _order_numbers,
        body=payload.encode(),
        idempotency_key=idempotency_key,
        has_turn=True,
    ).value


def exported_order(administration: Administration, external_id: str) -> Numbers | None:
    """Look an order up by its external id; None where the gateway has not booked it."""
    subject = f"the exported order {external_id!r} of {administration.name!r}"
    try:
        return administration.client.get(
            "third_party_order", administration.name, subject, _order_numbers, code=external_id
        ).value
    except NotThere as error:
        if error.code != "UnknownOrder":
            # Any other 404 says nothing of the order: a proxy's, or a route that this gateway lacks.
            raise ReplyUnreadable(str(error)) from None
        return None


def create_customer(
    administration: Administration, customer_code: str, payload: str, idempotency_key: str
) -> Numbers:
    """Create a customer at the gateway, once."""
    return administration.client.post(
        "customers",
        administration.name,
        f"customer {customer_code!r} of {administration.name!r}",
        _external_id,
        body=payload.encode(),
        idempotency_key=idempotency_key,
        has_turn=True,
    ).value


def created_customer(administration: Administration, customer_code: str) -> Numbers | None:
    """Look a customer up in the listing; None where a listing that held still does not have it."""
    seen: set[str] = set()
    number, totals = 0, set()
    while True:
        page = administration.customers(number).value
        totals.add(page.total_count)
        for record in page.items:
            # Some back offices number their customers: the code may come as a number.
            code = str(record.get("customerCode") if isinstance(record, dict) else record)
            if isinstance(record, dict) and code == customer_code:
                external_id = record.get("externalId")
                return {} if external_id is None else {"externalId": str(external_id)}
            seen.add(code)
        if page.is_last:
            break
        number += 1
    if totals != {len(seen)}:
        raise ReplyUnreadable(
            f"the customers of {administration.name!r} kept moving while {customer_code!r} was looked for"
        )
    return None


def _order_numbers(raw: Any) -> Numbers:
    return _texts(raw, "orderId", "orderNumber")


def _external_id(raw: Any) -> Numbers:
    return _texts(raw, "externalId")


def _texts(raw: Any, wanted: str, *others: str) -> Numbers:
    if (
        not isinstance(raw, dict)
        or not isinstance(raw.get(wanted), str | int)
        or isinstance(raw[wanted], bool)
    ):
        raise ValueError(f"it has no {wanted}")
    return {name: str(raw[name]) for name in (wanted, *others) if raw.get(name) is not None}
