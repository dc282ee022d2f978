from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import pytest

from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.orchestration.assets.orders import OrdersRead
from a4s_pipeline.orchestration.automation.by_hand import ImportOrdersConfig, asked_months
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.sync.windows import Months
from a4s_pipeline_tests.orchestration.conftest import Site, failure_of, line

NOW = datetime(2026, 7, 10, 12, tzinfo=UTC)


def import_orders(site: Site, **config: Any) -> dg.ExecuteInProcessResult:
    return site.definitions.resolve_job_def("import_orders").execute_in_process(
        instance=site.instance,
        resources={"platform": site.platform},
        run_config={"ops": {"read_orders": {"config": config}}},
        raise_on_error=False,
    )


def test_by_default_it_imports_what_is_new_of_all_and_records_what_it_touched(site: Site) -> None:
    site.put("A1")
    site.put("B1", connector="noord")
    import_orders(site)
    assert site.held(copy=True) == ["demo A1", "noord B1"]
    recorded = site.instance.get_materialized_partitions(dg.AssetKey("orders"))
    assert {"demo|2024-03-01", "noord|2024-03-01"} <= recorded


def test_what_the_gateway_listed_is_recorded_at_its_stream(site: Site) -> None:
    site.put("A1")
    site.put("B1", connector="noord")
    import_orders(site)
    events = site.instance.fetch_materializations(dg.AssetKey("gateway_orders"), limit=5).records
    told = [
        event.asset_materialization.metadata for event in events if event.asset_materialization is not None
    ]
    assert [(one["connectors"].value, one["listed"].value) for one in told] == [("demo, noord", 2)]


def test_months_of_one_connector_are_read_again_whole(site: Site) -> None:
    site.put("A1", lines=[line("1", quantity=1)])
    site.put("B1", connector="noord")
    site.sync()
    site.put("A1", lines=[line("1", quantity=2)])
    result = import_orders(site, connector="demo", reading="WHOLE", first_month="2024-03")
    assert result.success
    assert site.query("SELECT quantity::INT FROM order_lines") == [(2,)]
    assert site.held() == ["demo A1"]


def test_what_cannot_be_asked_for_is_reported_in_a_line(site: Site) -> None:
    assert failure_of(import_orders(site, reading="MONTHS", first_month="March")) == (
        "first_month: 'March' must be a month such as 2024-03"
    )
    assert "there is no connector 'nobody'" in failure_of(import_orders(site, connector="nobody"))


def test_months_are_kept_within_the_history() -> None:
    settings = GivenSettings(history_start=date(2024, 5, 20))
    for first, last, expected in [
        ("2024-06", "", Months(date(2024, 6, 1), date(2024, 6, 1))),
        ("2020-01", "2030-01", Months(date(2024, 5, 1), date(2026, 7, 1))),
    ]:
        config = ImportOrdersConfig(reading=OrdersRead.MONTHS, first_month=first, last_month=last)
        assert asked_months(config, settings, NOW) == expected
    with pytest.raises(ChangeRequest, match="no month lies between"):
        asked_months(ImportOrdersConfig(reading=OrdersRead.WHOLE, first_month="2020-01"), settings, NOW)
