import sys
from asyncio import CancelledError
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline import GatewayOrder, IntakeOrder, RefuseOrder
from a4s_pipeline.errors import ChangeSettings
from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.orders.hook import load_hook
from a4s_pipeline_tests.ondemand.conftest import Command, Ended, Site, intake

WriteHook = Callable[..., str]


@pytest.fixture
def write_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteHook:
    """Write a module of hooks into the working directory, and return its name."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"hooks_of_{abs(hash(tmp_path))}"

    def write(source: str) -> str:
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


def test_what_the_hook_makes_of_an_order_is_sent(site: Site) -> None:
    def hook(order: GatewayOrder, intake: IntakeOrder) -> GatewayOrder:
        order.shipping_costs = Decimal("7.50")
        order.notes = f"{intake.attributes['floor']}, {intake.channel}"  # type: ignore[attr-defined]
        assert intake.model_extra == {"channel": "by phone"}
        return order

    answered = site.export(intake(attributes={"floor": "3rd floor"}, channel="by phone"), hook)
    [booked] = site.source.booked
    assert (booked.body["shippingCosts"], booked.body["notes"]) == (Decimal("7.50"), "3rd floor, by phone")
    assert exact_json.loads(site.row()["payload"]) == booked.body
    assert answered.answer is not None
    assert answered.answer["notSent"] == ["attributes", "channel"]


def test_the_hook_gets_copies(site: Site) -> None:
    raw = intake(attributes={"floor": 3}, notes="kept")

    def hook(order: GatewayOrder, intake: IntakeOrder) -> GatewayOrder:
        sent = order.model_copy(deep=True)
        order.lines.clear()
        order.metadata.clear()
        intake.lines.clear()
        intake.attributes.clear()
        intake.intake_order_id = "IO-2"
        return sent

    assert site.export(raw, hook).status == "ok"
    [booked] = site.source.booked
    assert (booked.external_id, len(booked.body["lines"])) == ("IO-1", 1)
    assert exact_json.loads(site.row()["intake"]) == raw


def test_the_original_price_is_that_before_the_hook(site: Site) -> None:
    def hook(order: GatewayOrder, intake: IntakeOrder) -> GatewayOrder:
        order.lines[0].price = Decimal("1.00")
        return order

    site.export(intake(), hook)
    [booked] = site.source.booked
    assert booked.body["lines"][0]["price"] == Decimal("1.00")
    assert booked.body["metadata"]["lines"] == [{"sequence": 1, "originalPrice": Decimal("12.50")}]


def test_an_order_that_the_hook_refuses_is_refused_with_its_words(site: Site) -> None:
    def hook(order: GatewayOrder, intake: IntakeOrder) -> GatewayOrder:
        raise RefuseOrder("orders below € 50 are not taken")

    answered = site.export(intake(), hook)
    assert (answered.status, answered.answer) == ("refused", None)
    assert answered.error == {
        "code": "RefusedByHook",
        "message": "orders below € 50 are not taken",
        "fields": [],
    }
    assert site.calls() == 0
    assert site.attempts() == [("prepare", "refused")]


def test_an_order_that_the_hook_refuses_without_a_word_is_said_to_be_refused_by_it(site: Site) -> None:
    def hook(order: GatewayOrder, intake: IntakeOrder) -> GatewayOrder:
        raise RefuseOrder("")

    answered = site.export(intake(), hook)
    assert answered.error is not None
    assert answered.error["message"] == "the order hook refused the order, and gave no reason"


def is_cancelled(order: GatewayOrder, intake: IntakeOrder) -> GatewayOrder:
    raise CancelledError


def stops(order: GatewayOrder, intake: IntakeOrder) -> GatewayOrder:
    sys.exit("a hook must not end the process")


def breaks(order: GatewayOrder, intake: IntakeOrder) -> GatewayOrder:
    prices: dict[str, GatewayOrder] = {}
    return prices["secret-customer"]


@pytest.mark.parametrize(
    ("hook", "kind"), [(breaks, "KeyError"), (stops, "SystemExit"), (is_cancelled, "CancelledError")]
)
def test_any_other_exception_fails_the_order_with_its_traceback_in_the_ledger(
    site: Site, hook: Any, kind: str
) -> None:
    answered = site.export(intake(), hook)
    assert (answered.status, answered.answer) == ("failed", None)
    assert answered.error == {
        "code": "HookFailed",
        "message": f"the order hook failed ({kind}); its traceback is in order_export_attempts",
        "fields": [],
    }
    assert site.calls() == 0
    [(trace, error)] = site.query("SELECT traceback, error FROM order_export_attempts")
    assert trace.startswith("Traceback (most recent call last):\n")
    assert f"in {hook.__name__}\n" in trace
    assert error == answered.error["message"]


def test_an_order_whose_hook_failed_is_tried_again_with_the_mended_hook(site: Site) -> None:
    site.export(intake(), breaks)
    assert site.export(intake(), lambda order, _: order).status == "ok"
    assert site.attempts() == [("prepare", "failed"), ("send", "ok")]


def nothing(order: GatewayOrder, intake: IntakeOrder) -> Any:
    order.notes = "changed, and not returned"


def the_intake(order: GatewayOrder, intake: IntakeOrder) -> Any:
    return intake


@pytest.mark.parametrize("hook", [nothing, the_intake])
def test_a_hook_that_returns_no_order_refuses_it(site: Site, hook: Any) -> None:
    answered = site.export(intake(), hook)
    assert answered.status == "refused"
    assert answered.error is not None
    assert (answered.error["code"], answered.error["message"]) == (
        "InvalidAfterHook",
        "the order hook must return a GatewayOrder",
    )
    assert site.calls() == 0


@pytest.mark.parametrize(
    ("attribute", "value", "field"),
    [
        ("external_id", "IO-2", "externalId"),
        ("external_id", None, "externalId"),
        ("customer_code", "", "customerCode"),
        ("shipping_costs", None, "shippingCosts"),
        ("shipping_costs", float("inf"), "shippingCosts"),
        ("lines", [], "lines"),
        ("notes", 5, "notes"),
        ("metadata", {"when": object()}, "metadata"),
    ],
)
def test_what_the_hook_returns_is_validated_again_before_anything_is_sent(
    site: Site, attribute: str, value: Any, field: str
) -> None:
    def hook(order: GatewayOrder, intake: IntakeOrder) -> GatewayOrder:
        order.lines[0].quantity = Decimal(9)
        setattr(order, attribute, value)
        return order

    answered = site.export(intake(), hook)
    assert answered.status == "refused"
    assert answered.error is not None
    assert answered.error["code"] == "InvalidAfterHook"
    assert [fault["field"] for fault in answered.error["fields"]] == [field]
    assert site.calls() == 0
    assert site.row()["payload"] is None


def test_a_hook_is_found_in_the_working_directory(write_hook: WriteHook) -> None:
    name = write_hook("def before_export(order, intake):\n    return order\n")
    hook = load_hook(f"{name}:before_export")
    assert hook is not None
    assert hook.__module__ == name
    assert load_hook(None) is None


@pytest.mark.parametrize(
    ("source", "function", "why"),
    [
        (None, "before_export", "cannot be imported (ModuleNotFoundError: "),
        ("x = 1", "before_export", "cannot be imported (AttributeError: "),
        ("def before_export(:", "before_export", "cannot be imported (SyntaxError: "),
        ("raise ValueError('one\\ntwo')", "before_export", "cannot be imported (ValueError: one two)"),
        ("import sys\nsys.exit('stop')", "before_export", "cannot be imported (SystemExit: stop)"),
        ("before_export = 1", "before_export", "is not a function"),
    ],
)
def test_a_wrong_hook_is_one_clear_line_and_status_2(
    a4s: Command, site: Site, write_hook: WriteHook, source: str | None, function: str, why: str
) -> None:
    name = "no_such_module" if source is None else write_hook(source)
    Path("order.json").write_text(exact_json.dumps(intake()))
    for options in ([], ["--dry-run"]):
        ended: Ended = a4s("export-order", "order.json", *options, A4S_ORDER_HOOK=f"{name}:{function}")
        assert (ended.status, ended.out) == (2, "")
        [line] = ended.said()
        assert line.startswith(f"a4s: A4S_ORDER_HOOK: {name}:{function} {why}")
    assert site.calls() == 0
    with pytest.raises(ChangeSettings):
        load_hook(f"{name}:{function}")


def test_a_hook_that_is_not_a_name_is_reported_with_the_settings(a4s: Command) -> None:
    Path("order.json").write_text(exact_json.dumps(intake()))
    ended = a4s("export-order", "order.json", A4S_ORDER_HOOK="hooks.py")
    assert (ended.status, ended.said()) == (2, ["a4s: A4S_ORDER_HOOK: must be package.module:function"])
