"""Shows what would be sent for an intake order after the hook; sends and records nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from a4s_pipeline.errors import A4sError
from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.answers import Answered, failure
from a4s_pipeline.ondemand.orders.hook import HookFailed, OrderHook
from a4s_pipeline.ondemand.orders.order_export import prepare_order, read_order
from a4s_pipeline.settings.loading import Settings


def dry_run(order: Any, settings: Settings, hook: OrderHook | None, received_at: datetime) -> Answered:
    """Return the gateway's order, and the given fields that are not in it."""
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
