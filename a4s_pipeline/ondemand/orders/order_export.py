"""Order export: an intake order reaches the back office exactly once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from a4s_pipeline.errors import A4sError
from a4s_pipeline.files import exact_json
from a4s_pipeline.files.exact_json import fingerprint_of
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.sending import Numbers, export_order, exported_order
from a4s_pipeline.ondemand.answers import Answered, error_of, failure, with_pause
from a4s_pipeline.ondemand.orders.export_ledger import fields_of
from a4s_pipeline.ondemand.orders.gateway_order import map_order, payload_of
from a4s_pipeline.ondemand.orders.hook import HookFailed, OrderHook, apply_hook
from a4s_pipeline.ondemand.orders.intake import IntakeOrder, read_request
from a4s_pipeline.ondemand.sending.send_once import Prepared, SendOnce
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.warehouse.rows.ondemand.ledger import Entry

NOTICE = "The order shows up in retrieval after the legacy backend's next history sync."


@dataclass(frozen=True)
class _OrderSender:
    administration: Administration
    external_id: str

    def send(self, payload: str, idempotency_key: str) -> Numbers:
        return export_order(self.administration, self.external_id, payload, idempotency_key)

    def get_ready(self) -> None:
        self.administration.client.wait_for_turn(f"order {self.external_id!r}")

    def look_up(self) -> Numbers | None:
        return exported_order(self.administration, self.external_id)


class OrderExport:
    """Exports the intake orders of one connector, through its ledger."""

    def __init__(
        self, administration: Administration, send_once: SendOnce, hook: OrderHook | None, timezone: ZoneInfo
    ) -> None:
        self._administration = administration
        self._send_once = send_once
        self._hook = hook
        self._timezone = timezone

    def export(self, order: Any, received_at: datetime) -> Answered:
        """Export an intake order, or return its outcome from the ledger."""
        is_new = False

        def prepare(first_received_at: datetime) -> Prepared:
            nonlocal is_new
            is_new = True
            return self._prepare(intake, first_received_at)

        try:
            intake = read_order(order, self._timezone)
            entry = self._send_once.send(
                intake.intake_order_id,
                fingerprint_of_order(intake),
                prepare,
                self._sender(intake.intake_order_id),
                received_at=received_at,
                columns={
                    "customer_code": intake.customer_code,
                    "intake": exact_json.dumps(order),
                    "not_sent": None,
                },
            )
        except A4sError as error:
            return failure(error)
        return replace(answer_from(entry), is_new=is_new)

    def settle(self, intake_order_id: str) -> Answered | None:
        """Settle one order with an unknown outcome by look-up; None if the ledger has no such order."""
        try:
            entry = self._send_once.settle(intake_order_id, self._sender(intake_order_id))
        except A4sError as error:
            return failure(error)
        return None if entry is None else answer_from(entry)

    def _sender(self, intake_order_id: str) -> _OrderSender:
        return _OrderSender(self._administration, intake_order_id)

    def _prepare(self, intake: IntakeOrder, received_at: datetime) -> Prepared:
        payload, not_sent = prepare_order(intake, self._hook, received_at)
        return Prepared(payload, {"not_sent": exact_json.dumps(not_sent)})


def read_order(order: Any, timezone: ZoneInfo) -> IntakeOrder:
    """Read an intake order whole, or raise `ChangeRequest` that names every fault at once."""
    return read_request(IntakeOrder, order, "the intake order", timezone)


def prepare_order(
    intake: IntakeOrder, hook: OrderHook | None, received_at: datetime
) -> tuple[str, list[str]]:
    """Return the JSON that would be sent after the hook, and the given fields that are not in it."""
    order = apply_hook(hook, map_order(intake, received_at), intake)
    return payload_of(order), intake.fields_without_place()


def fingerprint_of_order(intake: IntakeOrder) -> str:
    """Return a hash of an order's content: the same for 1 and 1.0, and for fields in another order."""
    return fingerprint_of(_normal(intake.model_dump(by_alias=True, exclude_none=True)))


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _normal(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_normal(inner) for inner in value]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return {"number": _digits(Decimal(value))}
    return value.isoformat() if isinstance(value, datetime) else value


def _digits(number: Decimal) -> str:
    # Not `normalize`, which rounds to 28 digits: two long amounts would become one.
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits))
    kept = text.rstrip("0")
    return f"{'-' * sign}{kept}e{int(exponent) + len(text) - len(kept)}" if kept else "0"


def answer_from(entry: Entry) -> Answered:
    """Return what the ledger says of an order."""
    row = entry.row
    answer = {
        "externalId": entry.key,
        "orderId": row["order_id"],
        "orderNumber": row["order_number"],
        "attempts": entry.attempts,
        "notSent": exact_json.loads(row["not_sent"]) if row["not_sent"] else [],
        "notice": NOTICE,
    }
    if entry.status == "ok":
        return Answered("ok", answer)
    error = error_of(row["error_code"] or "OutcomeUnknown", row["error"] or "the outcome is not known yet")
    response = exact_json.loads(row["response"]) if row["response"] else {}
    error["fields"] = fields_of(error["code"], response)
    if entry.status in ("refused", "failed"):
        return Answered(entry.status, None, with_pause(error, response))  # type: ignore[arg-type]
    return Answered("unknown", answer, error)


def dry_run(order: Any, settings: Settings, hook: OrderHook | None, received_at: datetime) -> Answered:
    """Return what would be sent for an intake order, and its fields left out; send and record nothing."""
    try:
        return Answered("ok", would_be_sent(order, settings, hook, received_at))
    except A4sError as error:
        return failure(error)


def would_be_sent(
    order: Any, settings: Settings, hook: OrderHook | None, received_at: datetime
) -> dict[str, Any]:
    """Return the answer of `dry_run`; raises the error that refuses or fails the order."""
    intake = read_order(order, settings.timezone)
    try:
        payload, not_sent = prepare_order(intake, hook, received_at)
    except HookFailed as error:
        # A dry run records nothing, so the message must not point to a recorded traceback.
        what = error.trace.rstrip().splitlines()[-1]
        raise A4sError(f"the order hook failed: {what}", code=error.code) from None
    return {"order": exact_json.loads(payload), "notSent": not_sent}
