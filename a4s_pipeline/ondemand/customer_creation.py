"""Customer creation: a customer is created once, and its external identifier is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from a4s_pipeline import exact_json
from a4s_pipeline.errors import A4sError
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.sending import Numbers, create_customer, created_customer
from a4s_pipeline.ondemand.answers import Answered, error_of, failure
from a4s_pipeline.ondemand.intake import NewCustomer, read_request
from a4s_pipeline.ondemand.send_once import Prepared, SendOnce
from a4s_pipeline.warehouse.ledger import Entry

# A customer is the same by its code alone: updating is not supported, so other content changes nothing.
_BY_CODE = "by code"


@dataclass(frozen=True)
class _CustomerErrand:
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
        """Create a customer, or say from the ledger what became of it."""
        try:
            wanted = read_request(NewCustomer, customer, "the customer", self._timezone)
            payload = exact_json.dumps(wanted.model_dump(by_alias=True, exclude_none=True))
            entry = self._send_once.send(
                wanted.customer_code,
                _BY_CODE,
                lambda _: Prepared(payload),
                self._errand(wanted.customer_code),
                received_at=received_at,
            )
        except A4sError as error:
            return failure(error)
        return answer_from(entry)

    def settle(self, customer_code: str) -> Answered | None:
        """Settle one customer whose outcome is unknown, by look-up; None where the ledger has none such."""
        try:
            entry = self._send_once.settle(customer_code, self._errand(customer_code))
        except A4sError as error:
            return failure(error)
        return None if entry is None else answer_from(entry)

    def _errand(self, customer_code: str) -> _CustomerErrand:
        return _CustomerErrand(self._administration, customer_code)


def answer_from(entry: Entry) -> Answered:
    """Return what the ledger says of a customer."""
    row = entry.row
    answer = {"customerCode": entry.key, "externalId": row["external_id"]}
    if entry.status == "ok":
        return Answered("ok", answer)
    error = error_of(row["error_code"] or "OutcomeUnknown", row["error"] or "the outcome is not known yet")
    if entry.status in ("refused", "failed"):
        return Answered(entry.status, None, error)  # type: ignore[arg-type]
    return Answered("unknown", answer, error)
