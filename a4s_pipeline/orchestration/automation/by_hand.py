"""The job to import orders by hand: new ones, some months, or some months whole."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import dagster as dg
from pydantic import Field

from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.orchestration.assets.analytics import record_published
from a4s_pipeline.orchestration.assets.importing import GATEWAY_POOL
from a4s_pipeline.orchestration.assets.orders import OrdersRead, recorded_of, sync_all
from a4s_pipeline.orchestration.assets.sources import source_materializations
from a4s_pipeline.orchestration.checks.unplanned import tell_checks
from a4s_pipeline.orchestration.failing import told_plainly
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.sync.windows import Months, month_of
from a4s_pipeline.warehouse.rows.orders.writing import STREAM

IMPORT_ORDERS = "import_orders"


class ImportOrdersConfig(dg.Config):
    """What to import; by default, the new orders of every connector."""

    connector: str = Field(default="", description="The connector to import; empty for all connectors.")
    reading: OrdersRead = Field(
        default=OrdersRead.NEW,
        description="NEW: from the watermark minus the look-back, as the schedule does. MONTHS: the months "
        "below, with the lines of new and changed orders. WHOLE: the months below with all "
        "lines; this finds lines that were edited under an unchanged header, and marks orders "
        "that are gone. SUB_TOTALS_OFF: only the lines of orders whose sub total is not the "
        "sum of their lines.",
    )
    first_month: str = Field(default="", description="The first month of MONTHS and WHOLE, such as 2024-03.")
    last_month: str = Field(default="", description="The last month; empty for the first month alone.")


def asked_months(config: ImportOrdersConfig, settings: Settings, now: datetime) -> Months:
    """Return the months asked for, within the history, or raise `ChangeRequest`."""
    running = month_of(now, settings.timezone)
    if config.reading in (OrdersRead.NEW, OrdersRead.SUB_TOTALS_OFF):
        return Months(running, running)
    first = _month("first_month", config.first_month)
    last = _month("last_month", config.last_month or config.first_month)
    months = Months(max(first, settings.history_start.replace(day=1)), min(last, running))
    if months.first > months.last:
        raise ChangeRequest(
            f"no month lies between first_month and last_month within the history, which goes from "
            f"{settings.history_start:%Y-%m} (A4S_HISTORY_START) to {running:%Y-%m}"
        )
    return months


def _month(name: str, text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise ChangeRequest(f"{name}: {text!r} must be a month such as 2024-03") from None


def import_orders_job(layout: Layout) -> dg.JobDefinition:
    """Define the job `import_orders`."""

    @dg.op(out=dg.Out(dg.Nothing), pool=GATEWAY_POOL)
    def read_orders(
        context: dg.OpExecutionContext, config: ImportOrdersConfig, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.AssetMaterialization | dg.Output[None]]:
        """Imports the chosen orders, records the months that it changed, and publishes the copy."""
        with told_plainly():
            connectors = platform.settings.chosen_connectors_with(STREAM, config.connector or None)
            months = asked_months(config, platform.settings, datetime.now(UTC))
        asked = dict.fromkeys(connectors, months)
        synced = sync_all(platform, asked, config.reading, context.run_id, context.log)
        for one in recorded_of(platform, synced, asked, config.reading, context.run_id):
            key = layout.key(one.table)
            yield dg.AssetMaterialization(key, metadata=one.metadata, partition=one.partition)
        yield from source_materializations(layout, STREAM, synced.results)
        if synced.is_published:
            yield from record_published(context.instance, layout, platform)
        tell_checks(context.instance, context.run, layout, platform, [STREAM])
        if synced.failure is not None:
            raise synced.failure
        yield dg.Output(None)

    @dg.job(
        name=IMPORT_ORDERS,
        executor_def=dg.in_process_executor,
        description="Imports orders by hand: new orders, some months, or some months whole, for one "
        "connector or all. The launchpad explains each choice; by default it imports all new "
        "orders.",
    )
    def import_orders() -> None:
        read_orders()

    return import_orders
