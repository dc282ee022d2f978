"""The worked examples of the order hook page, exactly as printed there."""

import re
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.orders.hook import OrderHook, load_hook
from a4s_pipeline_tests.ondemand.conftest import Command, Site, intake
from a4s_pipeline_tests.support.project import ROOT

PAGE = ROOT / "docs" / "order-hook.md"
EXAMPLES = re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
TITLES = ["Add shipping costs", "Map a customer code", "Refuse orders below a minimum"]


@pytest.fixture
def example(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Put one example into the working directory, and return its A4S_ORDER_HOOK."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_hooks", raising=False)
    (tmp_path / "my_hooks.py").write_text(dict(EXAMPLES)[request.param])
    assert "A4S_ORDER_HOOK=my_hooks:before_export" in PAGE.read_text()
    return "my_hooks:before_export"


@pytest.fixture
def hook(example: str) -> OrderHook:
    loaded = load_hook(example)
    assert loaded is not None
    return loaded


def test_the_page_has_three_examples() -> None:
    assert [title for title, _ in EXAMPLES] == TITLES
    assert PAGE.read_text().count("```python") == len(TITLES)


@pytest.mark.parametrize("example", TITLES[:1], indirect=True)
@pytest.mark.parametrize(("price", "costs"), [("124.99", "7.50"), ("125.00", "0"), (None, "7.50")])
def test_shipping_costs_are_added_below_the_free_amount(
    site: Site, hook: OrderHook, price: str | None, costs: str
) -> None:
    line = {"itemCode": "A1", "quantity": 2, "price": price and Decimal(price)}
    assert site.export(intake(lines=[line]), hook).status == "ok"
    [booked] = site.source.booked
    assert booked.body["shippingCosts"] == Decimal(costs)


@pytest.mark.parametrize("example", TITLES[1:2], indirect=True)
@pytest.mark.parametrize(("given", "sent"), [("WEB-1001", "K1"), ("K1", "K1")])
def test_a_customer_code_is_mapped(site: Site, hook: OrderHook, given: str, sent: str) -> None:
    assert site.export(intake(customerCode=given), hook).status == "ok"
    [booked] = site.source.booked
    assert booked.body["customerCode"] == sent


@pytest.mark.parametrize("example", TITLES[2:], indirect=True)
@pytest.mark.parametrize(("price", "is_taken"), [("24.99", False), ("25.00", True)])
def test_orders_below_the_minimum_are_refused(
    site: Site, hook: OrderHook, price: str, is_taken: bool
) -> None:
    line = {"itemCode": "A1", "quantity": 2, "price": Decimal(price)}
    answered = site.export(intake(lines=[line]), hook)
    assert len(site.source.booked) == is_taken
    if not is_taken:
        assert answered.error is not None
        assert answered.error["code"] == "RefusedByHook"
        assert answered.error["message"] == "orders below € 50 are not taken: this one comes to € 49.98"


@pytest.mark.parametrize("example", TITLES, indirect=True)
def test_each_example_can_be_seen_in_a_dry_run(a4s: Command, example: str) -> None:
    line = {"itemCode": "A1", "quantity": 10, "price": Decimal("12.50")}
    Path("order.json").write_text(exact_json.dumps(intake(lines=[line], customerCode="WEB-1002")))
    ended = a4s("export-order", "order.json", "--dry-run", A4S_ORDER_HOOK=example)
    assert (ended.status, ended.err) == (0, "")
    assert ended.json()["order"]["externalId"] == "IO-1"
