"""How many events a run writes: each costs 20 ms in SQLite, too much to waste."""

from collections import Counter
from collections.abc import Callable
from datetime import date

from a4s_pipeline.models import Conventions, models_by
from a4s_pipeline_tests.orchestration.conftest import Site

# Of a run that goes well: its start and end, its two steps, their resources, and what they hand over.
MOST_OF_DAGSTERS_OWN = 25
CHECKS = 9
MONTHS = [(2014, 5), (2019, 1), (2025, 12)]


def events(site: Site) -> tuple[Counter[str], Counter[str]]:
    """Run what the schedule requests; return its events by type, and its materializations."""
    records = site.instance.get_records_for_run(site.scheduled().run_id).records
    told = [event for one in records if (event := one.event_log_entry.dagster_event) is not None]
    made = [one for one in told if one.event_type_value == "ASSET_MATERIALIZATION"]
    return Counter(one.event_type_value for one in told), Counter(
        one.asset_key.to_user_string() for one in made if one.asset_key
    )


def test_a_first_sync_over_twelve_years_records_the_months_that_have_orders(
    make_site: Callable[..., Site],
) -> None:
    """It used to be one event per month and table: 290."""
    site = make_site(history_start=date(2014, 1, 1))
    for number, (year, month) in enumerate(MONTHS):
        site.put(f"A{number}", f"{year}-{month:02}-05T09:00:00")
    kinds, made = events(site)
    # The months, and the one that is running.
    assert made["orders"] == made["order_lines"] == len(MONTHS) + 1
    once = ["gateway_orders", "order_exports", "created_customers", "analytics"]
    models = [model.name for model in models_by(Conventions())]
    assert {name: made[name] for name in (*once, *models)} == dict.fromkeys((*once, *models), 1)
    assert kinds["ASSET_CHECK_EVALUATION"] == CHECKS
    others = sum(kinds.values()) - sum(made.values()) - CHECKS
    assert others <= MOST_OF_DAGSTERS_OWN


def test_a_sync_of_nothing_new_records_its_own_month_the_copy_and_the_checks(site: Site) -> None:
    site.put("A1", "2024-03-05T09:00:00")
    assert site.scheduled().success
    kinds, made = events(site)
    assert made == {"orders": 1, "order_lines": 1, "gateway_orders": 1, "analytics": 1}
    assert kinds["ASSET_CHECK_EVALUATION"] == CHECKS
    assert sum(kinds.values()) <= MOST_OF_DAGSTERS_OWN + CHECKS + len(made)
