from datetime import date

import dagster as dg

from a4s_pipeline.orchestration.partitions import (
    connector_month_partitions,
    connectors_of_run,
    months_by_connector,
)
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.sync.windows import Months

JANUARY, FEBRUARY, MARCH = date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)


def test_the_keys_of_a_run_name_a_span_of_months_for_each_connector() -> None:
    for keys, expected in [
        ([], {}),
        (["demo|2024-03-01"], {"demo": Months(MARCH, MARCH)}),
        (["demo|2024-01-01", "demo|2024-02-01", "demo|2024-03-01"], {"demo": Months(JANUARY, MARCH)}),
        (["demo|2024-03-01", "demo|2024-01-01", "demo|2024-02-01"], {"demo": Months(JANUARY, MARCH)}),
        (
            ["demo|2024-01-01", "noord|2024-02-01", "demo|2024-02-01", "noord|2024-03-01"],
            {"demo": Months(JANUARY, FEBRUARY), "noord": Months(FEBRUARY, MARCH)},
        ),
    ]:
        assert months_by_connector(keys) == expected, keys


def test_connectors_keep_the_order_in_which_the_keys_name_them() -> None:
    keys = ["zuid|2024-01-01", "demo|2024-01-01", "noord|2024-01-01"]
    assert list(months_by_connector(keys)) == ["zuid", "demo", "noord"]


START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def test_the_tags_of_a_run_tell_which_connectors_it_is_about() -> None:
    for tags, expected in [
        ({}, []),
        ({"a4s/connector": "demo"}, []),
        ({"dagster/partition": "noord|2024-03-01"}, ["noord"]),
        ({"dagster/partition": "noord"}, ["noord"]),
        ({"dagster/partition": "nobody|2024-03-01"}, []),
        ({START: "noord|2024-01-01", END: "noord|2024-03-01"}, ["noord"]),
        ({START: "demo|2024-01-01", END: "noord|2024-03-01"}, ["demo", "noord"]),
        ({START: "demo|2024-01-01", END: "zuid|2024-03-01"}, ["demo", "noord", "zuid"]),
        ({START: "noord|2024-01-01", END: "zuid|2024-01-01"}, ["noord", "zuid"]),
        ({START: "demo|2024-01-01"}, []),
        ({END: "demo|2024-01-01"}, []),
        ({START: "nobody|2024-01-01", END: "zuid|2024-01-01"}, []),
        ({START: "demo|2024-01-01", END: "nobody|2024-01-01"}, []),
    ]:
        assert connectors_of_run(tags, ["demo", "noord", "zuid"]) == expected, tags


def test_months_go_from_the_month_of_the_history_start_and_connectors_keep_their_order() -> None:
    settings = GivenSettings(connectors={"noord": "N", "demo": "D"}, history_start=date(2026, 2, 17))
    keys = [str(key) for key in connector_month_partitions(settings).get_partition_keys()]
    assert keys[:2] == ["noord|2026-02-01", "noord|2026-03-01"]
    first_of_demo = keys.index("demo|2026-02-01")
    assert {key.split("|")[0] for key in keys[:first_of_demo]} == {"noord"}
    assert {key.split("|")[0] for key in keys[first_of_demo:]} == {"demo"}


def test_the_connectors_of_a_range_are_those_whose_partitions_dagster_puts_in_it() -> None:
    for first, last in [
        ("demo|2024-01-01", "demo|2024-03-01"),
        ("demo|2024-02-01", "noord|2024-03-01"),
        ("demo|2024-02-01", "zuid|2024-02-01"),
    ]:
        settings = GivenSettings(
            connectors={"demo": "D", "noord": "N", "zuid": "Z"}, history_start=date(2024, 1, 1)
        )
        partitions = connector_month_partitions(settings)
        in_range = partitions.get_partition_keys_in_range(dg.PartitionKeyRange(first, last))
        named = months_by_connector(in_range)
        assert list(named) == connectors_of_run({START: first, END: last}, list(settings.connectors)), (
            first,
            last,
        )
        months = Months(date.fromisoformat(first.split("|")[1]), date.fromisoformat(last.split("|")[1]))
        assert set(named.values()) == {months}, (first, last)
