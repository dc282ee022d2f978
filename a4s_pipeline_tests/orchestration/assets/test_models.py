"""Models and ledgers as assets: the UI shows what no Dagster step writes as it is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from a4s_pipeline.models import Conventions, models_by
from a4s_pipeline.orchestration.assets.events.last_recorded import LastRecorded, last_recorded
from a4s_pipeline.orchestration.assets.models import is_due
from a4s_pipeline.orchestration.graph import build_definitions
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline_tests.orchestration.conftest import Site

MODELS = models_by(Conventions())


def specs(layout: Layout | None = None, **settings: Any) -> dict[str, dg.AssetSpec]:
    given = GivenSettings(connectors={"demo": "Demo B.V."}, **settings)
    found = build_definitions(given, layout).resolve_all_asset_specs()
    return {spec.key.to_user_string(): spec for spec in found}


def recorded(site: Site, *key: str) -> list[dict[str, Any]]:
    records = site.instance.fetch_materializations(dg.AssetKey(list(key)), limit=10).records
    events = [record.asset_materialization for record in records]
    return [{name: one.value for name, one in event.metadata.items()} for event in events if event]


def test_each_model_is_an_asset_after_what_it_reads_with_its_columns_and_where_they_come_from() -> None:
    found = specs()
    for model in MODELS:
        spec = found[model.name]
        assert {dep.asset_key.to_user_string() for dep in spec.deps} == set(model.upstream) & found.keys()
        assert spec.code_version, model.name
        columns = spec.metadata["dagster/column_schema"].columns
        assert [(column.name, column.type) for column in columns] == [
            (column.name, column.type) for column in model.columns
        ]
        lineage = spec.metadata["dagster/column_lineage"].deps_by_column
        above = {dep.asset_key.to_user_string() for deps in lineage.values() for dep in deps}
        assert above <= set(model.upstream), model.name
    amounts = found["sales_lines"].metadata["dagster/column_lineage"].deps_by_column["amount"]
    assert ("order_lines", "line_total") in [
        (dep.asset_key.to_user_string(), dep.column_name) for dep in amounts
    ]
    assert "pii" in found["dim_customer"].tags
    assert "pii" not in found["stock_position"].tags


def test_models_are_those_of_the_streams_that_are_imported_under_the_prefix_of_the_deployment() -> None:
    found = specs(Layout(key_prefix=("erp",), groups={"models": "marts"}, streams=("items",)))
    assert {"erp/dim_item", "erp/stock_position", "erp/dim_date"} <= found.keys()
    assert not {"erp/sales_orders", "erp/dim_customer"} & found.keys()
    assert found["erp/stock_position"].group_name == "marts"
    lineage = found["erp/dim_item"].metadata["dagster/column_lineage"].deps_by_column
    assert {dep.asset_key.path[0] for deps in lineage.values() for dep in deps} == {"erp"}


def test_columns_that_a_site_names_itself_have_their_lineage() -> None:
    found = specs(item_attributes='{"Colour": "text"}', customer_group="segment")
    for model, column, origin in [
        ("dim_item", "Colour", ("item_attributes", "value_text")),
        ("dim_customer", "customer_group", ("customers", "attributes")),
    ]:
        (dep,) = found[model].metadata["dagster/column_lineage"].deps_by_column[column]
        assert (dep.asset_key.to_user_string(), dep.column_name) == origin


NOON = datetime(2026, 7, 10, 12, tzinfo=ZoneInfo("Europe/Amsterdam"))


def test_a_model_is_recorded_when_it_was_made_otherwise_when_its_rows_change_and_once_a_day() -> None:
    for ago, definition, before, total, due in [
        (timedelta(minutes=15), "a", 100, 100, False),
        (timedelta(minutes=15), "a", 100, 140, False),
        (timedelta(minutes=15), "b", 100, 100, True),  # made otherwise
        (timedelta(minutes=15), "a", 0, 1, True),  # the first that came in
        (timedelta(minutes=15), "a", 100, 201, True),
        (timedelta(hours=1), "a", 100, 99, True),
        (timedelta(hours=11), "a", 100, 100, False),
        (timedelta(hours=13), "a", 100, 100, True),  # yesterday, here
    ]:
        last = LastRecorded(NOON.astimezone(UTC) - ago, {"definition": "a", "rows_of_tables": before})
        assert is_due(last, definition, total, NOON) is due, (ago, definition, before, total, due)


def test_models_and_ledgers_are_recorded_with_their_rows_and_not_by_each_run(site: Site) -> None:
    site.put("A1")
    assert site.scheduled().success
    assert [one["dagster/row_count"] for one in recorded(site, "sales_lines")] == [1]
    assert (
        recorded(site, "order_exports") == recorded(site, "created_customers") == [{"dagster/row_count": 0}]
    )
    assert site.scheduled().success
    with site.platform.warehouse.session() as store:
        store.execute(
            "INSERT INTO order_exports (connector, intake_order_id, status) VALUES ('demo', '1', 'ok')"
        )
    site.put("A2")
    assert site.scheduled().success
    assert len(recorded(site, "sales_lines")) == 1
    # Whoever wrote to it: a command, the HTTP interface or a run of Dagster's.
    assert recorded(site, "order_exports")[0] == {"dagster/row_count": 1, "ok": 1}


def test_a_sites_own_models_are_assets_with_their_columns_and_one_that_fails_says_so(
    make_site: Callable[..., Site], tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    # `casts` is a word of it, and the view `casts` reads `big_orders`: that is no circle.
    (folder / "big_orders.sql").write_text(
        "-- Orders to look at.\nSELECT order_code, 1 AS casts FROM sales_orders"
    )
    (folder / "casts.sql").write_text(
        "SELECT CAST(order_code AS INTEGER) AS n FROM site.big_orders WHERE n > 0"
    )
    (folder / "no_query.sql").write_text("DROP TABLE orders")
    site = make_site(models=folder)
    shown = {spec.key.to_user_string(): spec for spec in site.definitions.resolve_all_asset_specs()}
    assert shown["site/big_orders"].description == "-- Orders to look at.".removeprefix("-- ")
    assert [dep.asset_key.to_user_string() for dep in shown["site/big_orders"].deps] == ["sales_orders"]
    assert [dep.asset_key.to_user_string() for dep in shown["site/casts"].deps] == ["site/big_orders"]
    assert "site/no_query" not in shown
    site.put("A1")
    assert site.scheduled().success
    (big,) = recorded(site, "site", "big_orders")
    assert big["dagster/row_count"] == 1
    assert [(one.name, one.type) for one in big["dagster/column_schema"].columns] == [
        ("order_code", "VARCHAR"),
        ("casts", "INTEGER"),
    ]
    (casts,) = recorded(site, "site", "casts")
    assert "Conversion Error" in str(casts["cannot be read"])
    keys = [dg.AssetKey(["site", "no_query"]), dg.AssetKey("analytics")]
    assert last_recorded(site.instance, keys).keys() == {dg.AssetKey("analytics")}
