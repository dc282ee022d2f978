from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from click.testing import CliRunner

from a4s_pipeline.cli.report import report
from a4s_pipeline.errors import A4sError, ChangeSettings, ChangeSite
from a4s_pipeline.report import write_report
from a4s_pipeline.report.page import render
from a4s_pipeline.settings.connectors import STREAMS
from a4s_pipeline.warehouse.file.reader import PublishedCopy
from a4s_pipeline.warehouse.rows.staging import Row
from a4s_pipeline.warehouse.store import NotPublished
from a4s_pipeline.warehouse.table import Table
from a4s_pipeline.warehouse.tables import (
    CUSTOMERS,
    ITEM_NAMES,
    ITEM_STOCKS,
    ITEMS,
    ORDER_LINES,
    ORDERS,
    SET_ASIDE,
    SYNC_STATE,
)
from a4s_pipeline_tests.report.conftest import NOW, Publish
from a4s_pipeline_tests.support.rows import line, order

LOCAL = NOW.astimezone(ZoneInfo("Europe/Amsterdam"))

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script src=//evil.example/x.js></script>",
    "<!-- <svg onload=alert(1)>",
    "{{ 7 * 7 }}{% include '/etc/passwd' %}",
    "$\\frac{1}{0}$",
    "&lt;b&gt;",
    "https://evil.example/x.png",
    "\u202egnirts",
    "name\x00with\x07control",
    "x" * 5000,
]


class Page(HTMLParser):
    """A page as a browser reads it: its elements, their attributes and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def _hostile_rows(connector: str, hostile: str) -> dict[Table, list[Row]]:
    item = {"connector": connector, "item_code": hostile}
    orders = [
        order("1", customer_code=hostile, customer_name=hostile, currency=hostile),
        order("2", customer_code=hostile, customer_name=hostile),
        order(hostile, currency=hostile, customer_code=hostile, lines_synced_at=None),
    ]
    return {
        ORDERS: [{**row, "connector": connector} for row in orders],
        ORDER_LINES: [line("1", item_code=hostile, description=hostile, unit=hostile, connector=connector)],
        CUSTOMERS: [{"connector": connector, "customer_code": hostile, "name": hostile}],
        ITEMS: [{**item, "unit_code": hostile}],
        ITEM_NAMES: [{**item, "language": hostile, "name": hostile}],
        ITEM_STOCKS: [
            {**item, "shelf_stock": "-1", "to_be_delivered": "0", "synced_at": "2024-06-20T04:00:00Z"}
        ],
        SET_ASIDE: [{"connector": connector, "stream": hostile, "record_key": hostile, "reason": hostile}],
        SYNC_STATE: [{"connector": connector, "stream": "orders", "last_error": hostile}],
    }


def test_whatever_a_name_holds_it_is_shown_and_never_obeyed(publish_rows: Publish) -> None:
    rows: dict[Table, list[Row]] = {}
    for number, hostile in enumerate(HOSTILE):
        for table, some in _hostile_rows(f"c{number}", hostile).items():
            rows.setdefault(table, []).extend(some)
    page = Page(render(PublishedCopy(publish_rows(rows)), None, LOCAL))
    assert {"script", "img", "iframe", "object", "embed"}.isdisjoint(page.elements)
    assert page.elements.count("style") == 1
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not [value for _, value in page.attributes if "evil" in value or "alert" in value]
    for hostile in HOSTILE:
        shown = hostile if len(hostile) <= 90 else hostile[:89] + "…"
        assert page.text.count(" ".join(shown.split())) >= 10, hostile


@pytest.mark.parametrize("connectors", [["<script>alert(1)</script>"], []])
def test_a_connector_that_the_copy_does_not_know_has_never_synced(
    publish_rows: Publish, connectors: list[str]
) -> None:
    page = Page(render(PublishedCopy(publish_rows({})), dict.fromkeys(connectors, STREAMS), LOCAL))
    assert "script" not in page.elements
    assert page.text.count("never synced") == 3 * len(connectors)


def _links(page: Page) -> list[str]:
    return [
        value for name, value in page.attributes if name in ("src", "href", "xlink:href", "data", "action")
    ]


SAID = (
    "Sales by month EUR",
    "Top customers EUR",
    "Top items EUR",
    "Running short in the next 6 weeks",
    "Set aside as unreadable",
    "orderDate: is not a real ISO 8601 date-time",
    "Every order has its lines.",
    "Last history sync",
    "Orders less returns, by their sub total: after discount, before VAT and shipping costs.",
)


def test_the_page_on_the_demo_needs_nothing_from_elsewhere_and_says_what_it_knows(demo_copy: Path) -> None:
    text = render(PublishedCopy(demo_copy), None, LOCAL)
    page = Page(text)
    assert [link for link in _links(page) if not link.startswith(("#", "data:"))] == []
    assert "url(http" not in text
    assert "@import" not in text
    assert ("name", "viewport") in page.attributes
    assert len(text) < 600_000
    # Each drawing has identifiers of its own, and takes its colours from the page.
    identifiers = [value for name, value in page.attributes if name == "id"]
    assert len(identifiers) == len(set(identifiers))
    targets = [link.removeprefix("#") for link in _links(page) if link.startswith("#")]
    assert set(targets) <= set(identifiers)
    assert "#00000" not in text
    assert "fill: var(--accent)" in text
    assert [said for said in SAID if said not in page.text] == []


def test_currencies_beyond_the_third_are_named_and_not_drawn(publish_rows: Publish) -> None:
    currencies = ["EUR", "EUR", "GBP", "GBP", "SEK", "SEK", "USD", None]
    orders = [order(str(number), currency=currency) for number, currency in enumerate(currencies)]
    text = Page(render(PublishedCopy(publish_rows({ORDERS: orders})), None, LOCAL)).text
    assert text.count("Sales by month") == 3
    assert "Sales in 2 more currencies are not drawn: no currency, USD." in text


def test_long_lists_say_how_much_more_there_is(publish_rows: Publish) -> None:
    aside: list[Row] = [{"connector": "demo", "stream": "orders", "record_key": f"A{n}"} for n in range(1234)]
    orders = [order(f"O{n}", lines_synced_at=None) for n in range(21)]
    copy = PublishedCopy(publish_rows({SET_ASIDE: aside, ORDERS: orders}))
    text = Page(render(copy, {"demo": STREAMS}, LOCAL)).text
    assert "20 of 1,234 are shown; all are in set_aside ." in text
    assert "20 of 21 are shown; all are in orders_without_lines ." in text


def test_a_month_that_is_not_over_is_said_to_be_so(publish_rows: Publish) -> None:
    copy = publish_rows({ORDERS: [order("1")]})
    assert "to June 2024, which is not over yet" in Page(render(PublishedCopy(copy), None, LOCAL)).text
    later = LOCAL.replace(month=7)
    assert "not over yet" not in Page(render(PublishedCopy(copy), None, later)).text


def test_without_a_focus_connector_there_is_no_history(publish_rows: Publish) -> None:
    state = {
        "connector": "zuid",
        "stream": "orders",
        "has_history": False,
        "last_error": "no focus connector",
    }
    text = Page(render(PublishedCopy(publish_rows({SYNC_STATE: [state]})), None, LOCAL)).text
    assert "There is no order history here" in text
    assert "no order history" in text


def test_an_empty_copy_makes_a_page_too(publish_rows: Publish) -> None:
    assert "The copy has no connector yet" in Page(render(PublishedCopy(publish_rows({})), None, LOCAL)).text


def test_without_a_copy_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotPublished, match="run `a4s sync`"):
        write_report(PublishedCopy(tmp_path / "analytics.duckdb"), tmp_path / "report.html")


def test_a_copy_of_another_version_is_reported(tmp_path: Path) -> None:
    copy = tmp_path / "analytics.duckdb"
    duckdb.connect(str(copy)).close()
    with pytest.raises(ChangeSite, match="another version"):
        write_report(PublishedCopy(copy), tmp_path / "report.html")


def test_the_page_replaces_the_last_one_and_leaves_nothing_else(
    publish_rows: Publish, tmp_path: Path
) -> None:
    target = tmp_path / "new folder" / "report.html"
    for _ in range(2):
        assert write_report(PublishedCopy(publish_rows({})), target) == target
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]


def test_a_page_that_cannot_be_written_is_reported(publish_rows: Publish, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ChangeSite, match="cannot be written"):
        write_report(PublishedCopy(publish_rows({})), tmp_path / "file" / "report.html")


@pytest.fixture
def _data_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("A4S_DATA_DIR", str(tmp_path))


def _run(*arguments: str) -> Any:
    return CliRunner().invoke(report, arguments)


@pytest.mark.usefixtures("_data_here")
class TestCommand:
    def test_it_writes_the_page_into_the_data_folder(self, publish_rows: Publish, tmp_path: Path) -> None:
        publish_rows({ORDERS: [order("1")]})
        result = _run()
        assert result.output == f"{tmp_path / 'report.html'}\n"
        assert "demo" in (tmp_path / "report.html").read_text(encoding="utf-8")

    def test_it_shows_only_the_connector_asked_for(
        self, publish_rows: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("A4S_CONNECTORS", '{"demo": "D", "noord": "N"}')
        publish_rows({ORDERS: [order("1"), order("2", connector="noord")]})
        result = _run("--connector", "noord", "--output", "elsewhere/page.html")
        assert result.output == f"{tmp_path / 'elsewhere' / 'page.html'}\n"
        page = Page((tmp_path / "elsewhere" / "page.html").read_text(encoding="utf-8"))
        assert "noord" in page.texts
        assert "demo" not in page.texts

    def test_it_shows_connectors_that_were_never_synced(
        self, publish_rows: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("A4S_CONNECTORS", '{"demo": "D", "nieuw": "N"}')
        publish_rows({ORDERS: [order("1")]})
        _run()
        assert "nieuw" in Page((tmp_path / "report.html").read_text(encoding="utf-8")).texts

    def test_a_connector_that_is_not_configured_is_refused(
        self, publish_rows: Publish, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("A4S_CONNECTORS", '{"demo": "D"}')
        publish_rows({})
        result = _run("--connector", "ander")
        assert isinstance(result.exception, ChangeSettings)

    def test_without_a_copy_it_fails_in_a_line(self) -> None:
        assert isinstance(_run().exception, A4sError)
