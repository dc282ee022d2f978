"""From the bytes of a request to its answer: which kinds there are, and what answers each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from a4s_pipeline import exact_json
from a4s_pipeline.errors import A4sError, ChangeRequest, ChangeSettings, FieldFault, NotSupported
from a4s_pipeline.ondemand.answers import Answered, failure

LARGEST_REQUEST = 1024 * 1024

_log = logging.getLogger(__name__)

NOT_SUPPORTED = {
    "update_customer": "customers cannot be updated through the gateway: change them in the legacy backend",
    "delete_customer": "customers cannot be deleted through the gateway: delete them in the legacy backend",
    "prices": "the gateway has no prices: App4Sales gets them elsewhere",
    "attachments": "the gateway has no attachments of items",
    "restock_orders": "the gateway has no restock orders; expected deliveries are part of the stock",
}


class Answerers(Protocol):
    """What answers the requests of one connector."""

    def projected_stock(self, body: Mapping[str, Any], received_at: datetime) -> Answered:
        """Answer with projected stock, live."""

    def export_order(self, body: Mapping[str, Any], received_at: datetime) -> Answered:
        """Export the order of the request."""

    def create_customer(self, body: Mapping[str, Any], received_at: datetime) -> Answered:
        """Create the customer of the request."""

    def retrieve_orders(self, body: Mapping[str, Any], received_at: datetime) -> Answered:
        """Answer with a list of orders."""

    def retrieve_order(self, body: Mapping[str, Any], received_at: datetime) -> Answered:
        """Answer with one order."""


KINDS = ("projected_stock", "export_order", "create_customer", "retrieve_orders", "retrieve_order")


@dataclass(frozen=True)
class Request:
    """A request that was read: its kind, its connector, and the rest of it."""

    kind: str
    connector: str
    body: Mapping[str, Any]


def parse_request(raw: bytes) -> Mapping[str, Any]:
    """Read the bytes of a request as a JSON object, or raise `ChangeRequest`."""
    if len(raw) > LARGEST_REQUEST:
        raise ChangeRequest(f"the request is larger than {LARGEST_REQUEST >> 20} MiB", code="TooLarge")
    try:
        body = exact_json.loads(raw)
    except ValueError:
        raise ChangeRequest("the request is not JSON", code="Invalid") from None
    if not isinstance(body, dict):
        raise ChangeRequest("the request must be a JSON object", code="Invalid")
    return body


def request_of(body: Mapping[str, Any], connectors: Collection[str]) -> Request:
    """Check the kind and the connector of a request; raises `ChangeRequest` that names what is wrong."""
    kind, connector = body.get("kind"), body.get("connector")
    if isinstance(kind, str) and kind in NOT_SUPPORTED:
        raise NotSupported(NOT_SUPPORTED[kind])
    faults = []
    if kind not in KINDS:
        faults.append(FieldFault("kind", f"must be one of {', '.join(KINDS)}"))
    if connector is None and len(connectors) == 1:
        connector = next(iter(connectors))
    if not isinstance(connector, str) or connector not in connectors:
        faults.append(
            FieldFault("connector", f"must be one of {', '.join(connectors) or '(none is configured)'}")
        )
    if faults:
        raise ChangeRequest("the request cannot be read", code="Invalid", fields=tuple(faults))
    return Request(str(kind), str(connector), body)


Note = Callable[[str, str, str, datetime, datetime, str | None], None]
"""Takes note of an execution: connector, flow, status, start, end, error."""


def answer_request(
    body: Mapping[str, Any],
    connectors: Collection[str],
    answerers: Callable[[str], Answerers],
    received_at: datetime,
    note: Note,
) -> Answered:
    """Answer a request; whatever it is like, there is an answer, and no other request is harmed."""
    started_at = datetime.now(UTC)
    try:
        request = request_of(body, connectors)
    except ChangeRequest as error:
        return failure(error)
    try:
        handler = getattr(answerers(request.connector), request.kind)
        answered: Answered = handler(request.body, received_at)
    except A4sError as error:
        answered = _setting_failure(error) if isinstance(error, ChangeSettings) else failure(error)
    except Exception as error:
        # A defect of ours must not take the other requests along.
        _log.exception("a request of kind %s failed unexpectedly", request.kind)
        answered = failure(
            A4sError(f"an unexpected {type(error).__name__}; the run's log has more", code="Unexpected")
        )
    message = answered.error["message"] if answered.error else None
    note(request.connector, request.kind, answered.status, started_at, datetime.now(UTC), message)
    return answered


def _setting_failure(error: ChangeSettings) -> Answered:
    return failure(A4sError(f"the platform's settings are wrong: {error}", code=error.code))


def as_document(
    request_id: str, body: Mapping[str, Any] | None, answered: Answered, received_at: datetime
) -> dict[str, Any]:
    """Return the answer as it is written to the outbox."""
    named = body or {}
    return {
        "id": request_id,
        "kind": _text_or_none(named.get("kind")),
        "connector": _text_or_none(named.get("connector")),
        "status": answered.status,
        "answer": answered.answer,
        "error": answered.error,
        "receivedAt": received_at.isoformat(),
        "answeredAt": datetime.now(UTC).isoformat(),
    }


def _text_or_none(value: Any) -> str | None:
    # Whatever a sender writes there, in an answer it is a text or nothing.
    return value if isinstance(value, str) else None
