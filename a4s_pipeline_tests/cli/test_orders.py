import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.files.texts import plain_decimal
from a4s_pipeline.gateway.records.dates import as_instant
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.sync.windows import Months, OrdersPlan
from a4s_pipeline_tests.cli.conftest import Ended, Installation, line
from a4s_sandbox import Faults, demo_world

EVERYTHING = OrdersPlan(Months(date(2024, 1, 1), date(2100, 1, 1)), whole=True)
HISTORY_AS_OF = "2024-06-01T07:30:00+00:00"
"""The legacy backend's last history sync, as the sandbox tells it."""
COMMANDS = [["orders"], ["order", "A1"]]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test that needs the five orders leaves them for the others."""
    return tmp_path_factory.mktemp("imported") / "data"


@pytest.fixture
def synced(site: Installation, imported: Path) -> Installation:
    """Five orders of two customers, imported."""
    site.put("A1", "2024-03-01T09:00:00")
    site.put("A2", "2024-03-05T00:30:00", customerCode="K2", customerName="Kwekerij Bos")
    site.put("A3", "2024-03-05T23:30:00")
    site.put("A4", "2024-03-06T00:00:00", customerCode="K2")
    site.put("A5", "2024-03-31T23:59:59")
    data = site.folder / "data"
    if not imported.exists():
        site.sync()
        shutil.copytree(data, imported)
    else:
        shutil.copytree(imported, data)
    return site


def codes(done: Ended) -> list[str]:
    assert done.status == 0
    return [order["orderCode"] for order in done.json()["orders"]]


def attributes(site: Installation, code: str) -> Any:
    return site.a4s("order", code, "--json").json()["attributes"]


def test_the_list_is_newest_first(synced: Installation) -> None:
    done = synced.a4s("orders", "--json")
    assert codes(done) == ["A5", "A4", "A3", "A2", "A1"]
    assert done.json()["total"] == 5
    assert done.err == ""


def test_orders_of_one_instant_are_in_a_fixed_order(site: Installation) -> None:
    for code in ("B2", "B1", "B3"):
        site.put(code, "2024-03-05T09:00:00")
    site.sync()
    assert codes(site.a4s("orders", "--json")) == ["B3", "B2", "B1"]


def test_a_page_is_cut_by_limit_and_offset_and_the_total_stays(synced: Installation) -> None:
    for options, expected in [
        (["--limit", "2"], ["A5", "A4"]),
        (["--limit", "2", "--offset", "2"], ["A3", "A2"]),
        (["--limit", "2", "--offset", "4"], ["A1"]),
        (["--offset", "5"], []),
        (["--offset", "99999"], []),
    ]:
        done = synced.a4s("orders", "--json", *options)
        assert codes(done) == expected, options
        assert done.json()["total"] == 5


def test_a_filter_lets_through_its_customer_and_its_days_in_amsterdam(synced: Installation) -> None:
    for options, expected in [
        (["--customer", "K2"], ["A4", "A2"]),
        (["--customer", "k2"], []),
        (["--from", "2024-03-06"], ["A5", "A4"]),
        (["--to", "2024-03-05"], ["A3", "A2", "A1"]),
        (["--from", "2024-03-05", "--to", "2024-03-05"], ["A3", "A2"]),
        (["--from", "2024-03-31", "--to", "2024-03-31"], ["A5"]),
        (["--from", "2024-03-06", "--to", "2024-03-05"], []),
        (["--from", "0001-01-01", "--to", "9999-12-31"], ["A5", "A4", "A3", "A2", "A1"]),
        (["--customer", "K2", "--to", "2024-03-05"], ["A2"]),
    ]:
        done = synced.a4s("orders", "--json", *options)
        assert codes(done) == expected, options
        assert done.json()["total"] == len(expected)


def test_days_are_those_of_the_time_zone_of_the_settings(synced: Installation) -> None:
    synced.settings["A4S_TIMEZONE"] = "UTC"
    assert codes(synced.a4s("orders", "--json", "--from", "2024-03-05", "--to", "2024-03-05")) == [
        "A4",
        "A3",
    ]


def test_the_list_and_the_order_tell_how_fresh_they_are(synced: Installation) -> None:
    assert synced.a4s("orders", "--json").json()["asOf"] == HISTORY_AS_OF
    assert synced.a4s("order", "A1", "--json").json()["asOf"] == HISTORY_AS_OF
    assert synced.a4s("orders").said() == [f"5 of 5 orders; history as of {HISTORY_AS_OF}"]


def test_a_history_that_was_never_synced_is_as_of_nothing(site: Installation) -> None:
    site.source.last_history_sync = None
    site.put("A1")
    site.sync()
    assert site.a4s("orders", "--json").json()["asOf"] is None
    assert site.a4s("orders").said() == ["1 of 1 orders; history as of an unknown time"]


def test_the_list_is_a_line_an_order_for_people(synced: Installation) -> None:
    lines = synced.a4s("orders").out.splitlines()
    assert [text.split()[:2] for text in lines] == [
        ["2024-03-31", "A5"],
        ["2024-03-06", "A4"],
        ["2024-03-05", "A3"],
        ["2024-03-05", "A2"],
        ["2024-03-01", "A1"],
    ]
    assert "K2" in lines[3]
    assert "Kwekerij Bos" in lines[3]


def test_an_order_has_its_header_and_its_lines_under_the_names_of_the_gateway(site: Installation) -> None:
    site.put(
        "VO/2024 1",
        "2024-03-05T09:00:00",
        [
            line("20", lineNumber=2, itemCode="B2", deliveryDate="2024-03-09"),
            line("10", lineNumber=1, description="Plug"),
        ],
        orderNumber="1",
        reference="Ref 1",
        deliveryAddress={"type": "Delivery", "city": "Utrecht"},
        warehouse="AMS1",
        custom={"colli": 3, "weight": Decimal("2.50")},
    )
    site.sync()
    done = site.a4s("order", "VO/2024 1", "--json")
    assert (done.status, done.err) == (0, "")
    answer = done.json()
    assert answer["orderCode"] == "VO/2024 1"
    expected = {
        "orderCode": "VO/2024 1",
        "orderNumber": "1",
        "orderDate": "2024-03-05T08:00:00+00:00",
        "customerCode": "K1",
        "customerName": None,
        "reference": "Ref 1",
        "deliveryAddress": {"type": "Delivery", "city": "Utrecht"},
        "warehouse": "AMS1",
        "custom": {"colli": 3, "weight": 2.5},
    }
    assert {name: answer["attributes"][name] for name in expected} == expected
    first, second = answer["lines"]
    assert (first["lineCode"], second["lineCode"]) == ("10", "20")
    assert first["attributes"]["description"] == "Plug"
    assert second["attributes"]["itemCode"] == "B2"
    assert second["attributes"]["deliveryDate"] == "2024-03-09"
    assert second["attributes"]["lineNumber"] == 2
    assert answer["linesSyncedAt"] is not None


def test_amounts_and_quantities_are_exact_decimal_strings(site: Installation) -> None:
    amounts = {
        "1234.5678": "1234.5678",
        "0.1": "0.1",
        "100": "100",
        "70700": "70700",
        "2.50": "2.5",
        "0": "0",
        "-0.0001": "-0.0001",
        "12345678901234.5678": "12345678901234.5678",
        "0.12345": "0.1235",
    }
    for given in amounts:
        site.put(given, lines=[line("1", quantity=Decimal(given))], subTotal=Decimal(given))
    site.sync()
    orders = {order["orderCode"]: order for order in site.a4s("orders", "--json").json()["orders"]}
    for given, shown in amounts.items():
        assert orders[given]["attributes"]["subTotal"] == shown
        assert orders[given]["lines"][0]["attributes"]["quantity"] == shown
        assert orders[given]["attributes"]["total"] is None


@pytest.mark.parametrize(
    ("value", "text"), [("100", "100"), ("1E+2", "100"), ("10.10", "10.1"), ("0.0000", "0"), ("-5.00", "-5")]
)
def test_a_decimal_is_written_without_exponent_and_without_zeros_at_its_end(value: str, text: str) -> None:
    assert plain_decimal(Decimal(value)) == text


def test_the_list_holds_the_lines_of_its_orders(synced: Installation) -> None:
    synced.put("A5", "2024-03-31T23:59:59", [line("1"), line("2", lineNumber=2)])
    synced.sync(EVERYTHING)
    orders = synced.a4s("orders", "--json", "--limit", "2").json()["orders"]
    assert [[one["lineCode"] for one in order["lines"]] for order in orders] == [["1", "2"], ["1"]]
    assert orders[0] == {
        name: value for name, value in synced.a4s("order", "A5", "--json").json().items() if name != "asOf"
    }


def test_an_order_is_shown_with_its_lines_to_people(site: Installation) -> None:
    site.put(
        "A1",
        lines=[line("1", quantity=12, unit="stuk", description="Plug", lineTotal=Decimal("25.00"))],
        currency="EUR",
        total=Decimal("30.2"),
        subTotal=Decimal("25.0075"),
        reference="Ref 1",
    )
    site.sync()
    done = site.a4s("order", "A1")
    assert done.status == 0
    head, *_, last = done.out.splitlines()
    assert head.split() == ["2024-03-05", "A1", "K1", "30.20", "EUR"]
    assert last.split() == ["12", "stuk", "A1", "Plug", "25.00"]
    assert {"  reference: Ref 1", "  subTotal: 25.0075"} <= set(done.out.splitlines())
    assert done.said() == [f"history as of {HISTORY_AS_OF}"]


def test_the_day_shown_to_people_is_the_day_that_the_filter_means(site: Installation) -> None:
    site.put("A1", "2024-07-01T00:30:00+02:00")
    site.sync()
    done = site.a4s("orders", "--from", "2024-07-01", "--to", "2024-07-01")
    assert done.out.split()[:2] == ["2024-07-01", "A1"]
    assert site.a4s("order", "A1").out.split()[:2] == ["2024-07-01", "A1"]


def test_an_order_whose_lines_are_not_in_says_so(site: Installation) -> None:
    site.put("A1")
    site.sandbox.faults = Faults(lines_404={"A1"})
    site.sync()
    done = site.a4s("order", "A1")
    assert done.status == 0
    assert done.said()[0] == "its lines are not stored yet: the next sync asks for them first"
    answer = site.a4s("order", "A1", "--json").json()
    assert (answer["lines"], answer["linesSyncedAt"]) == ([], None)


def test_an_unknown_order_is_status_1_with_what_may_be_the_reason(synced: Installation) -> None:
    done = synced.a4s("order", "NOPE", "--json")
    assert done.status == 1
    assert done.json()["error"]["code"] == "UnknownOrder"
    (told,) = done.said()
    assert told == (
        "a4s: order 'NOPE' of 'demo' is not in the order history: it may come with the legacy backend's "
        "next history sync"
    )
    assert synced.a4s("order", "a1").status == 1  # codes count to the letter


def test_an_order_that_is_gone_at_the_source_is_not_retrieved(synced: Installation) -> None:
    synced.source.remove_order("A4")
    synced.sync(EVERYTHING)
    assert codes(synced.a4s("orders", "--json")) == ["A5", "A3", "A2", "A1"]
    assert synced.a4s("order", "A4").status == 1


def test_a_connector_without_history_is_refused(site: Installation) -> None:
    site.serve_both()
    site.sync()
    for command in COMMANDS:
        done = site.a4s(*command, "--connector", "zuid", "--json")
        assert done.status == 1
        assert done.json()["error"]["code"] == "FocusConnectorNotConfigured"
        (told,) = done.said()
        assert "no focus connector" in told


def test_before_the_first_sync_both_commands_say_what_to_do(site: Installation) -> None:
    for command in COMMANDS:
        done = site.a4s(*command, "--json")
        assert done.status == 1
        assert done.json()["error"]["code"] == "NotPublished"
        assert done.said() == [
            f"a4s: there is no {site.folder / 'data' / 'analytics.duckdb'} yet: run `a4s sync` first"
        ]
    assert site.sandbox.requests == []


def test_a_connector_that_was_not_synced_yet_is_told_apart(synced: Installation) -> None:
    synced.serve_both()
    for command in COMMANDS:
        done = synced.a4s(*command, "--connector", "zuid", "--json")
        assert done.status == 1
        assert done.json()["error"]["code"] == "NotSynced"
        assert done.said() == ["a4s: the orders of 'zuid' were not synced yet: run `a4s sync orders` first"]


def test_orders_of_one_connector_are_not_shown_for_another(synced: Installation) -> None:
    administration = synced.sandbox.world.add_administration("Noord")
    administration.put_order({"orderCode": "A1", "orderDate": "2024-02-01", "customerCode": "N1"}, [])
    synced.settings["A4S_CONNECTORS"] = '{"demo": "Demo B.V.", "noord": "Noord"}'
    synced.sync()
    assert codes(synced.a4s("orders", "--json", "--connector", "noord")) == ["A1"]
    answer = synced.a4s("order", "A1", "--json", "--connector", "noord").json()
    assert (answer["attributes"]["customerCode"], answer["lines"]) == ("N1", [])


def test_with_several_connectors_one_must_be_named(synced: Installation) -> None:
    synced.serve_both()
    for command in COMMANDS:
        done = synced.a4s(*command)
        assert (done.status, done.out) == (2, "")
        told = "Error: there are several connectors; add --connector with one of demo, zuid"
        assert done.said()[-1] == told


def test_wrong_options_are_status_2(synced: Installation) -> None:
    for name, value in (("--limit", "0"), ("--limit", "1001"), ("--offset", "-1"), ("--from", "2024-02-30")):
        done = synced.a4s("orders", name, value)
        assert done.status == 2
        assert done.said()[-1].startswith(f"Error: Invalid value for '{name}'")


def test_retrieval_needs_no_gateway(synced: Installation, here: Callable[..., Ended]) -> None:
    done = here("orders", "--json", A4S_CONNECTORS='{"demo": "Demo B.V."}')
    assert codes(done) == ["A5", "A4", "A3", "A2", "A1"]


def test_every_readable_order_of_the_demo_is_retrieved_under_its_own_code(
    site: Installation,
) -> None:
    """Codes and dates of every awkward kind, preserved exactly."""
    awkward = demo_world()["Demo B.V."]
    listed = awkward.orders.keys()
    kept = [code for code in listed if not code.startswith("VO2")]
    for code in kept:
        if not code.startswith("\0"):
            site.source.put_order(*awkward.order(code))
    site.sync()
    timezone = GivenSettings().timezone
    readable = [code for code in kept if code not in (".", "..", "DATUM-bestaat-niet", "DATUM-tekst")]
    answer = site.a4s("orders", "--json", "--limit", "1000").json()
    found = {order["orderCode"]: order for order in answer["orders"]}
    wanted = [code for code in readable if not code.startswith("\0")]
    since_start = [
        code for code in wanted if as_instant(awkward.order(code)[0]["orderDate"], timezone).year >= 2024
    ]
    assert set(since_start) <= set(found) <= set(wanted)
    assert answer["total"] == len(found) >= 35
    one = site.a4s("order", "Bestelling 12 / spoed", "--json").json()
    assert one["orderCode"] == "Bestelling 12 / spoed"
