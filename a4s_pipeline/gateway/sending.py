"""The calls that create something at the gateway, each sent once, and the look-ups of their outcomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from a4s_pipeline.errors import ChangeRequest, Inconclusive, NotThere, ReplyUnreadable
from a4s_pipeline.files import exact_json
from a4s_pipeline.files.exact_json import fingerprint_of
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.calls.answers import without_numbers
from a4s_pipeline.gateway.calls.belonging import is_same_code
from a4s_pipeline.gateway.calls.client import GatewayCall
from a4s_pipeline.gateway.calls.refusals import with_own_values
from a4s_pipeline.gateway.listing.listing import Listing
from a4s_pipeline.gateway.listing.one_reading import Listed
from a4s_pipeline.gateway.listing.paging import pages_in_turn, readings_of

Numbers = dict[str, str]
"""The identifiers that the gateway assigned: `orderId` and `orderNumber`, or `externalId`.

`foundAs` is added if the gateway spells the code in another way than it was asked for.
"""


def export_order(
    administration: Administration, external_id: str, payload: str, idempotency_key: str
) -> Numbers:
    """Send an order to the third-party order endpoint, once."""
    subject = f"order {external_id!r} of {administration.name!r}"
    return _posted(
        administration,
        "third_party_orders",
        subject,
        lambda raw: _order_numbers(raw, external_id),
        payload,
        idempotency_key,
    )


def exported_order(administration: Administration, external_id: str) -> Numbers | None:
    """Look an order up by its external id; None if the gateway has not booked it."""
    subject = f"the exported order {external_id!r} of {administration.name!r}"

    def read(raw: Any) -> Numbers:
        numbers = _order_numbers(raw, external_id)
        # A 404 that names the order is an answer, even before the back office has numbered the order.
        if not numbers and not (isinstance(raw, dict) and raw.get("externalId")):
            raise ValueError("it has no orderId")
        return numbers

    try:
        return administration.client.get(
            GatewayCall("third_party_order", administration.name, subject, external_id, alone=True), read
        ).value
    except NotThere as error:
        if error.code != "UnknownOrder":
            # Any other 404 says nothing about the order: it comes from a proxy, or from a gateway without the
            # route.
            raise ReplyUnreadable(str(error)) from None
        return None


def create_customer(
    administration: Administration, customer_code: str, payload: str, idempotency_key: str
) -> Numbers:
    """Create a customer at the gateway, once."""
    subject = f"customer {customer_code!r} of {administration.name!r}"
    return _posted(
        administration,
        "customers",
        subject,
        lambda raw: _customer_numbers(raw, customer_code),
        payload,
        idempotency_key,
    )


def _posted(
    administration: Administration,
    route: str,
    subject: str,
    read: Callable[[Any], Numbers],
    payload: str,
    idempotency_key: str,
) -> Numbers:
    def read_numbers(raw: Any) -> Numbers:
        numbers = read(raw)
        if not numbers:
            raise without_numbers(subject, "externalId" if route == "customers" else "orderId")
        return numbers

    try:
        return administration.client.post(
            GatewayCall(route, administration.name, subject),
            read_numbers,
            body=payload.encode(),
            idempotency_key=idempotency_key,
            has_turn=True,
        ).value
    except ChangeRequest as error:
        raise with_own_values(error, exact_json.loads(payload)) from None
    except Inconclusive as error:
        try:
            error.known = read(error.known)
        except ValueError:
            # It is about another customer, and says nothing of this one.
            error.known = {}
        raise


def created_customer(administration: Administration, customer_code: str) -> Numbers | None:
    """Look a customer up in the listing; None if it is certainly not there.

    Back offices pad, trim and capitalise codes: a customer whose code differs only in that is the same. "Not
    there" may lead to another POST, so it takes two identical readings of the listing, whatever its total
    says.
    """
    listing = Listing(administration.page_size)
    for _ in readings_of(listing):
        found = _found_in(administration, customer_code, listing)
        if found is not None:
            return found
        if listing.agrees:
            break
    if not listing.agrees or listing.doubt is not None:
        why = listing.doubt or f"the customers of {administration.name!r} kept moving"
        raise ReplyUnreadable(f"{why} while {customer_code!r} was looked for: it is looked for again later")
    return None


def _found_in(administration: Administration, customer_code: str, listing: Listing) -> Numbers | None:
    """Read the listing to the code, or to its end."""
    alike: Numbers | None = None
    for page in pages_in_turn(administration.customers, listing):
        listed: list[Listed] = []
        for record in page.items:
            given = record.get("customerCode") if isinstance(record, dict) else None
            if given is None:
                listed.append(Listed(None, content=fingerprint_of(record)))
                continue
            # Some back offices number their customers: the code may be a number.
            code = str(given)
            listed.append(Listed(code))
            if not is_same_code(code, customer_code):
                continue
            external_id = record.get("externalId")
            numbers = {} if external_id is None else {"externalId": str(external_id)}
            if code == customer_code:
                return numbers
            alike = alike or {**numbers, "foundAs": code}
        listing.add(page, listed)
    return alike


def _order_numbers(raw: Any, external_id: str) -> Numbers:
    return _texts(raw, ("orderId", "orderNumber"), "externalId", external_id)


def _customer_numbers(raw: Any, customer_code: str) -> Numbers:
    return _texts(raw, ("externalId",), "customerCode", customer_code)


def _texts(raw: Any, wanted: tuple[str, ...], key_name: str, key: str) -> Numbers:
    """Return the identifiers in an answer; raises `ValueError` if it is about another record."""
    if not isinstance(raw, dict):
        return {}
    if raw.get(key_name) not in (None, "") and not is_same_code(raw[key_name], key):
        raise ValueError(f"it is about another {key_name}")
    return {
        name: str(raw[name])
        for name in wanted
        if isinstance(raw.get(name), str | int) and not isinstance(raw[name], bool) and raw[name] != ""
    }
