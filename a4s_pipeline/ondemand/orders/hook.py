"""The site's order hook: sees a copy of each order before it is exported, and may change or refuse it."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable

from a4s_pipeline.errors import A4sError, ChangeSettings, RefuseOrder
from a4s_pipeline.ondemand.orders.gateway_order import GatewayOrder, checked_again
from a4s_pipeline.ondemand.orders.intake import IntakeOrder

OrderHook = Callable[[GatewayOrder, IntakeOrder], GatewayOrder]


class HookFailed(A4sError):
    """The hook raised something it should not have; `trace` is its traceback, kept in the ledger."""

    code = "HookFailed"

    def __init__(self, message: str, trace: str) -> None:
        super().__init__(message)
        self.trace = trace


def load_hook(name: str | None) -> OrderHook | None:
    """Import the hook named `package.module:function`, also from the working directory."""
    if name is None:
        return None
    module_name, _, function_name = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        hook = getattr(importlib.import_module(module_name), function_name)
    except (Exception, SystemExit) as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise ChangeSettings(f"A4S_ORDER_HOOK: {name} cannot be imported ({why})") from None
    if not callable(hook):
        raise ChangeSettings(f"A4S_ORDER_HOOK: {name} is not a function")
    loaded: OrderHook = hook
    return loaded


def apply_hook(hook: OrderHook | None, order: GatewayOrder, intake: IntakeOrder) -> GatewayOrder:
    """Call the hook with copies, and return its result, validated again.

    Raises `RefuseOrder` or, for an invalid result, `ChangeRequest`; and `HookFailed` for anything else that
    the hook raises.
    """
    if hook is None:
        return checked_again(order, intake)
    try:
        changed = hook(order.model_copy(deep=True), intake.model_copy(deep=True))
    except RefuseOrder as refusal:
        if str(refusal).strip():
            raise
        raise RefuseOrder("the order hook refused the order, and gave no reason") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # The end of a process or of a task that the hook asks for is no more than a failure of the hook.
        message = f"the order hook failed ({type(error).__name__}); its traceback is in order_export_attempts"
        raise HookFailed(message, traceback.format_exc()) from None
    return checked_again(changed, intake)
