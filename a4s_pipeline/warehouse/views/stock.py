"""The view of projected stock: what will lie on the shelf once orders and deliveries have passed."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from a4s_pipeline.warehouse.schema import DAY, TEXT, Column, View
from a4s_pipeline.warehouse.tables import CONNECTOR
from a4s_pipeline.warehouse.views.common import SUM, local_time


def projected_stock_by_day(zone: ZoneInfo) -> View:
    """Describe how the projected stock of each item changes from day to day."""
    return View(
        "projected_stock_by_day",
        "The projected stock of each item, one row for each day on which it changes; in between it stays as "
        "it was. It is the stored shelf stock, less what is to be delivered, and the deliveries expected up "
        f"to and including the day. An item's first day is the day, in {zone} (A4S_TIMEZONE), on which its "
        "stock was last written; deliveries of that day and before are in its first row. Deliveries without "
        "a real date never count. Removed items, and items without a stock, are left out; days without a "
        "net delivery have no row. `a4s stock` asks for it live.",
        f"""
        WITH stock AS (
            SELECT connector, item_code, shelf_stock - to_be_delivered AS available,
                   {local_time("synced_at", zone)}::DATE AS first_day
            FROM item_stocks ANTI JOIN (SELECT connector, item_code FROM items WHERE removed_at IS NOT NULL)
              USING (connector, item_code)
        ), entries AS (
            SELECT connector, item_code, first_day AS day, 0::DECIMAL(18,4) AS quantity FROM stock
            UNION ALL
            SELECT connector, item_code, greatest(delivery_date, first_day), quantity
            FROM stock JOIN item_deliveries USING (connector, item_code)
            WHERE delivery_date IS NOT NULL
        ), days AS (
            SELECT connector, item_code, day, sum(quantity) AS incoming FROM entries GROUP BY ALL
        )
        SELECT connector, item_code, day, incoming,
               available + sum(incoming) OVER (PARTITION BY connector, item_code ORDER BY day) AS projected
        FROM days JOIN stock USING (connector, item_code)
        WHERE incoming <> 0 OR day = first_day
        """,  # noqa: S608 - constants of this package and a time zone's name
        (
            CONNECTOR,
            Column("item_code", TEXT, "The item."),
            Column("day", DAY, "The day from which on the projection holds."),
            Column(
                "incoming",
                SUM,
                "What is expected on the day; on the item's first day, with all that was expected before it.",
            ),
            Column("projected", SUM, "The projected stock from the day on; negative where it is short."),
        ),
    )
