"""The views of sales by month: what each customer bought, and how much of each item was sold."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from a4s_pipeline.warehouse.schema import DAY, TEXT, WHOLE, Column, View
from a4s_pipeline.warehouse.tables import CONNECTOR
from a4s_pipeline.warehouse.views.common import SUM, local_time

# An invoice repeats its order and a quotation is no sale; back offices that know one type write none.
_IS_SALE = "orders.removed_at IS NULL AND coalesce(orders.order_type, 'order') IN ('order', 'return')"

_WHAT_COUNTS = (
    "Orders and returns count, and so do orders without a type; a return comes with negative amounts and "
    "lowers the sum. Quotations, invoices (which repeat their order) and removed orders are left out."
)
_CURRENCY = Column("currency", TEXT, "The currency of the amounts; null where the orders name none.")


def _when(zone: ZoneInfo) -> str:
    return (
        f"Months are those of the order date in {zone} (A4S_TIMEZONE); a date in the future counts as it is."
    )


def _month_of(zone: ZoneInfo) -> str:
    return f"date_trunc('month', {local_time('orders.order_date', zone)})::DATE"


def _month_column(zone: ZoneInfo) -> Column:
    return Column("month", DAY, f"The first day of the month, in {zone}.")


def customer_sales_by_month(zone: ZoneInfo) -> View:
    """Describe what each customer bought, by month and currency."""
    return View(
        "customer_sales_by_month",
        "What each customer bought in a month: the sum of orders.sub_total, after discount, before VAT and "
        f"shipping costs. One row a currency, never a sum over two. {_WHAT_COUNTS} A removed customer's "
        f"sales stay. {_when(zone)}",
        # The name is looked up in a subquery: DuckDB 2.0.0 finds nothing by a filter such as
        # coalesce(sub_total, 0) > 0 above a LEFT JOIN to a table that holds no customer of the connector.
        f"""
        WITH months AS (
            SELECT orders.connector, orders.customer_code, {_month_of(zone)} AS month, orders.currency,
                   arg_max(orders.customer_name, (orders.order_date, orders.order_code)) AS last_name,
                   count(*) FILTER (orders.order_type IS DISTINCT FROM 'return') AS order_count,
                   count(*) FILTER (orders.order_type = 'return') AS return_count,
                   sum(orders.sub_total) AS sub_total,
                   count(*) - count(orders.sub_total) AS without_amount
            FROM orders
            WHERE {_IS_SALE}
            GROUP BY orders.connector, orders.customer_code, month, orders.currency
        )
        SELECT connector, customer_code,
               coalesce(
                   (
                       SELECT any_value(name) FROM customers
                       WHERE customers.connector = months.connector
                         AND customers.customer_code = months.customer_code
                   ),
                   last_name
               ) AS customer_name,
               month, currency, order_count, return_count, sub_total, without_amount
        FROM months
        """,  # noqa: S608 - constants of this package and a time zone's name
        (
            CONNECTOR,
            Column("customer_code", TEXT, "The customer who ordered."),
            Column(
                "customer_name",
                TEXT,
                "The customer's name as listed; one never listed has the name on the month's last order.",
            ),
            _month_column(zone),
            _CURRENCY,
            Column("order_count", WHOLE, "How many orders count."),
            Column("return_count", WHOLE, "How many returns count."),
            Column("sub_total", SUM, "The sum of their sub totals; null where none has one."),
            Column("without_amount", WHOLE, "How many of them have no sub total and add nothing to the sum."),
        ),
    )


def item_sales_by_month(zone: ZoneInfo) -> View:
    """Describe how much of each item was sold, by month, currency and unit."""
    return View(
        "item_sales_by_month",
        "How much of each item was sold in a month: the sums of order_lines.quantity and of "
        "order_lines.line_total, after discount and before VAT. One row a currency and unit, never a sum "
        f"over two. {_WHAT_COUNTS} Orders whose lines are not in (orders_without_lines) are missing; a "
        f"removed item's sales stay. {_when(zone)}",
        f"""
        SELECT orders.connector, order_lines.item_code,
               arg_max(
                   order_lines.description,
                   (orders.order_date, orders.order_code, order_lines.line_code)
               ) AS description,
               {_month_of(zone)} AS month,
               orders.currency,
               order_lines.unit,
               count(DISTINCT orders.order_code) AS order_count,
               sum(order_lines.quantity) AS quantity,
               sum(order_lines.line_total) AS line_total,
               count(*) - count(order_lines.line_total) AS without_amount
        FROM order_lines JOIN orders
          ON orders.connector = order_lines.connector AND orders.order_code = order_lines.order_code
        WHERE {_IS_SALE}
        GROUP BY orders.connector, order_lines.item_code, month, orders.currency, order_lines.unit
        """,  # noqa: S608 - constants of this package and a time zone's name
        (
            CONNECTOR,
            Column("item_code", TEXT, "The item that was sold."),
            Column("description", TEXT, "The item's description on the month's last order."),
            _month_column(zone),
            _CURRENCY,
            Column("unit", TEXT, "The unit of the quantity; null where the lines name none."),
            Column("order_count", WHOLE, "On how many orders and returns the item stands."),
            Column("quantity", SUM, "The sum of the quantities."),
            Column("line_total", SUM, "The sum of the line totals; null where no line has one."),
            Column("without_amount", WHOLE, "How many lines have no line total and add nothing to the sum."),
        ),
    )
