"""The asset that publishes the copy for analysts."""

import dagster as dg

from a4s_pipeline.orchestration.alerts.failing import told_plainly
from a4s_pipeline.orchestration.assets.importing import KINDS, OWNERS
from a4s_pipeline.platform import Platform
from a4s_pipeline.warehouse.records import CUSTOMER_TABLES, ITEM_TABLES
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS

_IMPORTED = (ORDERS, ORDER_LINES, *ITEM_TABLES.all, *CUSTOMER_TABLES.all)


@dg.asset(deps=[table.name for table in _IMPORTED], group_name="analytics", owners=OWNERS, kinds=KINDS)
def analytics(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Publishes `analytics.duckdb`, the copy that analysts query: replaced whole and at once.

    A lake is read as it is: there is nothing to publish, and its size and rows are told.
    """
    with told_plainly():
        copy = platform.publish()
        with platform.readable.reading() as connection:
            counts = {
                f"{table.name}_rows": connection.table(table.name).count("*").fetchall()[0][0]
                for table in _IMPORTED
            }
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(copy.path)),
            "bytes": copy.size,
            "replaced": copy.was_replaced,
            **counts,
        }
    )
