"""What the gateway refuses and books: the orders and customers sent to it."""

from decimal import Decimal
from typing import Any

from a4s_sandbox.answers.encoding import decode, encode
from a4s_sandbox.answers.replies import Reply, problem
from a4s_sandbox.world import Administration, BookedOrder

Errors = list[dict[str, str]]


def export_order(administration: Administration, body: bytes, dedupe: bool) -> Reply:
    """Book a third-party order and answer with its ids, or with the reason against it."""
    sent = _object(body)
    if isinstance(sent, Reply):
        return sent
    with administration.lock:
        errors = _order_errors(administration, sent)
        if errors:
            return _refused(errors)
        customer = sent["customerCode"]
        if customer not in administration.customers:
            where = [{"field": "customerCode", "message": "There is no such customer."}]
            return problem(422, "UnknownCustomer", f"There is no customer {customer!r}.", errors=where)
        known = administration.find_booked(sent["externalId"])
        if known is not None and dedupe and administration.dedupe:
            detail = f"External id {known.external_id!r} is booked already."
            return problem(409, "DuplicateExternalId", detail, **_ids(known))
        return Reply(201, encode(_ids(administration.book(sent))))


def exported_order(administration: Administration, external_id: str) -> Reply:
    """Answer with the ids of the order booked under this external id."""
    with administration.lock:
        known = administration.find_booked(external_id)
    if known is None:
        return problem(404, "UnknownOrder", f"No order was booked under external id {external_id!r}.")
    return Reply(200, encode(_ids(known)))


def create_customer(administration: Administration, body: bytes) -> Reply:
    """Add a customer and answer with its external id, or with the reason against it."""
    sent = _object(body)
    if isinstance(sent, Reply):
        return sent
    errors = _missing(sent, ("customerCode", "name"), "")
    errors += _wrong(sent, ("cocNumber", "vatNumber"), "", "text", _is_text)
    errors += _wrong(sent, ("addresses", "contactDetails"), "", "a list of objects", _is_list_of_objects)
    if errors:
        return _refused(errors)
    code = sent["customerCode"]
    with administration.lock:
        if code in administration.customers:
            detail = f"There is a customer {code!r} already."
            external_id = administration.external_id_of(code)
            return problem(409, "DuplicateCustomerCode", detail, externalId=external_id)
        return Reply(201, encode({"externalId": administration.register_customer(sent)}))


def _ids(order: BookedOrder) -> dict[str, str]:
    return {"orderId": order.order_id, "orderNumber": order.order_number}


def _object(body: bytes) -> dict[str, Any] | Reply:
    try:
        sent = decode(body)
    except (ValueError, RecursionError):
        return problem(400, "BadRequest", "The body is not JSON.")
    return sent if isinstance(sent, dict) else problem(400, "BadRequest", "The body is not a JSON object.")


def _refused(errors: Errors) -> Reply:
    return problem(422, "ValidationFailed", f"{len(errors)} field(s) cannot be accepted.", errors=errors)


def _order_errors(administration: Administration, sent: dict[str, Any]) -> Errors:
    errors = _missing(sent, ("customerCode", "externalId"), "")
    errors += _wrong(sent, ("reference", "yourReference", "notes"), "", "text", _is_text)
    errors += _wrong(sent, ("shippingCosts",), "", "a number", _is_number)
    errors += _wrong(sent, ("metadata",), "", "an object", lambda value: isinstance(value, dict))
    lines = sent.get("lines")
    if not isinstance(lines, list) or not lines:
        return [*errors, {"field": "lines", "message": "At least one line is required."}]
    for index, line in enumerate(lines):
        errors += _line_errors(administration, line, f"lines[{index}]")
    return errors


def _line_errors(administration: Administration, line: Any, path: str) -> Errors:
    if not isinstance(line, dict):
        return [{"field": path, "message": "A line is an object."}]
    prefix = f"{path}."
    errors = _missing(line, ("itemCode",), prefix)
    # A world without any items is one whose test is not about items: it takes every item code.
    if not errors and len(administration.items) and line["itemCode"] not in administration.items:
        errors.append({"field": f"{prefix}itemCode", "message": "There is no such item."})
    if line.get("quantity") is None:
        errors.append({"field": f"{prefix}quantity", "message": "A value is required."})
    errors += _wrong(line, ("quantity", "price", "discount"), prefix, "a number", _is_number)
    errors += _wrong(line, ("unit", "description"), prefix, "text", _is_text)
    return errors


def _missing(record: dict[str, Any], fields: tuple[str, ...], prefix: str) -> Errors:
    return [
        {"field": f"{prefix}{name}", "message": "A text that is not empty is required."}
        for name in fields
        if not isinstance(record.get(name), str) or not record[name].strip()
    ]


def _wrong(record: dict[str, Any], fields: tuple[str, ...], prefix: str, kind: str, fits: Any) -> Errors:
    return [
        {"field": f"{prefix}{name}", "message": f"The value must be {kind}."}
        for name in fields
        if record.get(name) is not None and not fits(record[name])
    ]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)
