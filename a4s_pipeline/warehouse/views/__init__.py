"""The views for analysts, each described once."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from a4s_pipeline.warehouse.schema import View
from a4s_pipeline.warehouse.views.orders import ORDERS_WITHOUT_LINES
from a4s_pipeline.warehouse.views.sales import customer_sales_by_month, item_sales_by_month
from a4s_pipeline.warehouse.views.stock import projected_stock_by_day

DEFAULT_ZONE = ZoneInfo("Europe/Amsterdam")
"""The time zone of days and months where none is set."""


def views_in(zone: ZoneInfo) -> tuple[View, ...]:
    """Describe the views, with days and months that begin at midnight in `zone`.

    A query cannot know the platform's settings, so the time zone is written into the views; the store
    replaces them when it changes.
    """
    return (
        ORDERS_WITHOUT_LINES,
        customer_sales_by_month(zone),
        item_sales_by_month(zone),
        projected_stock_by_day(zone),
    )
