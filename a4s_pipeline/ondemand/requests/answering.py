"""Answers requests: parses, checks, answers and logs each once, for every caller."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from a4s_pipeline.errors import A4sError, ChangeRequest, ChangeSettings, FieldFault, NotSupported
from a4s_pipeline.gateway.calls.deadline import answered_until
from a4s_pipeline.ondemand.answers import Answered, failure
from a4s_pipeline.ondemand.requests.kind import RequestKind
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.warehouse.rows.ondemand.flows import FlowExecution

_HEAD = ("kind", "connector")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """A request of a known kind to a known connector; its fields are not checked yet."""

    kind: RequestKind[Any]
    connector: str
    body: Mapping[str, Any]


def request_of(body: Mapping[str, Any], connectors: Collection[str]) -> Request:
    """Read the kind and the connector of a request; raises `ChangeRequest` that names what is wrong."""
    # A command asks for one kind, and does not load the models of others.
    from a4s_pipeline.ondemand.requests.registry import KINDS, NOT_SUPPORTED  # noqa: PLC0415

    name, connector = body.get("kind"), body.get("connector")
    if isinstance(name, str) and name in NOT_SUPPORTED:
        raise NotSupported(NOT_SUPPORTED[name])
    kind = KINDS.get(name) if isinstance(name, str) else None
    faults = []
    if kind is None:
        faults.append(FieldFault("kind", f"must be one of {', '.join(KINDS)}"))
    if connector is None and len(connectors) == 1:
        connector = next(iter(connectors))
    if not isinstance(connector, str) or connector not in connectors:
        faults.append(
            FieldFault("connector", f"must be one of {', '.join(connectors) or '(none is configured)'}")
        )
    if kind is None or not isinstance(connector, str) or faults:
        raise ChangeRequest("the request cannot be read", code="Invalid", fields=tuple(faults))
    fields = {field: value for field, value in body.items() if field not in _HEAD}
    return Request(kind, connector, fields)


def answer(
    service: OnDemand, request: Request, received_at: datetime, until: float | None = None
) -> Answered:
    """Answer a request; every request gets an answer, and none harms another.

    `until` is the deadline for the gateway, a time of `Runtime.monotonic`; by default the kind derives it
    from A4S_ANSWER_SECONDS, if it waits only for the gateway.
    """
    started_at = service.platform.runtime.now()
    answered = _answered(service, request, received_at, until)
    note(service, request, answered, started_at)
    return answered


def note(service: OnDemand, request: Request, answered: Answered, started_at: datetime) -> None:
    """Log an answer that was given now."""
    execution = FlowExecution(
        request.connector,
        request.kind.name,
        "failed" if answered.flaw else answered.status,
        started_at,
        service.platform.runtime.now(),
        service.run_id,
        answered.error["message"] if answered.error else answered.flaw,
    )
    service.log.note(execution, always=request.kind.ledger is not None)


def _answered(service: OnDemand, request: Request, received_at: datetime, until: float | None) -> Answered:
    kind, settings = request.kind, service.platform.settings
    try:
        fields = kind.read(request.body, settings.timezone)
        if until is None:
            seconds = kind.seconds(fields, settings.answer_seconds) if kind.seconds else math.inf
            until = service.platform.runtime.monotonic() + seconds
        with answered_until(until):
            return kind.handle(service.connector(request.connector), fields, received_at)
    except A4sError as error:
        return _setting_failure(error) if isinstance(error, ChangeSettings) else kind.failure(error)
    except Exception as error:
        # A defect of ours must not stop the other requests.
        about = {"connector": request.connector, "run_id": service.run_id}
        _log.exception("a request of kind %s failed unexpectedly", kind.name, extra=about)
        return failure(
            A4sError(f"an unexpected {type(error).__name__}; the run's log has more", code="Unexpected")
        )


def _setting_failure(error: ChangeSettings) -> Answered:
    return failure(A4sError(f"the platform's settings are wrong: {error}", code=error.code))


def as_document(
    request_id: str,
    body: Mapping[str, Any] | None,
    answered: Answered,
    received_at: datetime,
    answered_at: datetime,
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
        "answeredAt": answered_at.isoformat(),
    }


def _text_or_none(value: Any) -> str | None:
    # Whatever a sender wrote there, the answer has a text or null.
    return value if isinstance(value, str) else None
