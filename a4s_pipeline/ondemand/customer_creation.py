"""Customer creation: a customer is created once, and its external identifier is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from a4s_pipeline.errors import A4sError
from a4s_pipeline.files import exact_json
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.sending import Numbers, create_customer, created_customer
from a4s_pipeline.ondemand.answers import Answered, error_of, failure, with_pause
from a4s_pipeline.ondemand.orders.export_ledger import instant_or_none
from a4s_pipeline.ondemand.orders.intake import NewCustomer, read_request
from a4s_pipeline.ondemand.sending.send_once import Prepared, SendOnce
from a4s_pipeline.warehouse.rows.ondemand.ledger import Entry

# Only the code identifies a customer: updating is not supported, so other content changes nothing.
_BY_CODE = "by code"


@dataclass(frozen=True)
class _CustomerSender:
    administration: Administration
    customer_code: str

    def send(self, payload: str, idempotency_key: str) -> Numbers:
        return create_customer(self.administration, self.customer_code, payload, idempotency_key)

    def get_ready(self) -> None:
        self.administration.client.wait_for_turn(f"customer {self.customer_code!r}")

    def look_up(self) -> Numbers | None:
        return created_customer(self.administration, self.customer_code)


class CustomerCreation:
    """Creates the customers of one connector, through its ledger."""

    def __init__(self, administration: Administration, send_once: SendOnce, timezone: ZoneInfo) -> None:
        self._administration = administration
        self._send_once = send_once
        self._timezone = timezone

    def create(self, customer: Any, received_at: datetime) -> Answered:
        """Create a customer, or return its outcome from the ledger."""
        is_new = False

        def prepare(_: datetime) -> Prepared:
            nonlocal is_new
            is_new = True
            return Prepared(payload)

        try:
            wanted = read_request(NewCustomer, customer, "the customer", self._timezone)
            payload = exact_json.dumps(wanted.model_dump(by_alias=True, exclude_none=True))
            entry = self._send_once.send(
                wanted.customer_code,
                _BY_CODE,
                prepare,
                self._sender(wanted.customer_code),
                received_at=received_at,
            )
        except A4sError as error:
            return failure(error)
        return _naming_what_differs(replace(answer_from(entry), is_new=is_new), entry, payload)

    def settle(self, customer_code: str) -> Answered | None:
        """Settle one customer with an unknown outcome by look-up; None if the ledger has no such customer."""
        try:
            entry = self._send_once.settle(customer_code, self._sender(customer_code))
        except A4sError as error:
            return failure(error)
        return None if entry is None else answer_from(entry)

    def _sender(self, customer_code: str) -> _CustomerSender:
        return _CustomerSender(self._administration, customer_code)


def _naming_what_differs(answered: Answered, entry: Entry, payload: str) -> Answered:
    """Say that other content for an existing, or possibly existing, customer was not sent."""
    differs = differing_fields(entry.row["payload"], payload)
    if answered.answer is None or not differs:
        return answered
    return replace(answered, answer={**answered.answer, "created": False, "differs": differs})


def differing_fields(known: str | None, wanted: str) -> list[str]:
    """Return the names of the customer's fields that differ from what was sent before."""
    before = exact_json.loads(known) if known else {}
    now = exact_json.loads(wanted)
    return [name for name in {**now, **before} if before.get(name) != now.get(name)]


def created_row(entry: Entry) -> dict[str, Any]:
    """Return one customer of the ledger with its outcome and times."""
    return {
        "customerCode": entry.key,
        "externalId": entry.row["external_id"],
        "status": entry.status,
        "settledAt": instant_or_none(entry.row["settled_at"]),
        "error": None if entry.status == "ok" else _error(entry.row, _response(entry)),
    }


def answer_from(entry: Entry) -> Answered:
    """Return what the ledger says of a customer."""
    row = entry.row
    answer: dict[str, Any] = {"customerCode": entry.key, "externalId": row["external_id"]}
    response = _response(entry)
    if entry.status == "ok":
        found_as = response.get("foundAs")
        return Answered("ok", answer | ({"foundAs": found_as} if found_as else {}))
    error = _error(row, response)
    if entry.status in ("refused", "failed"):
        return Answered(entry.status, None, with_pause(error, response))  # type: ignore[arg-type]
    return Answered("unknown", answer, error)


def _response(entry: Entry) -> dict[str, Any]:
    response: dict[str, Any] = exact_json.loads(entry.row["response"]) if entry.row["response"] else {}
    return response


def _error(row: Mapping[str, Any], response: Mapping[str, Any]) -> dict[str, Any]:
    error = error_of(row["error_code"] or "OutcomeUnknown", row["error"] or "the outcome is not known yet")
    return {**error, "fields": response.get("fields") or []}
