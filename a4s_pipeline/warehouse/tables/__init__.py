"""The tables of the warehouse, each described once."""

from a4s_pipeline.warehouse.table import Table
from a4s_pipeline.warehouse.tables.common import ATTRIBUTES, CONNECTOR, REMOVED_AT, RUN_ID, SYNCED_AT
from a4s_pipeline.warehouse.tables.customers import (
    CUSTOMER_ADDRESSES,
    CUSTOMER_CONTACT_DETAILS,
    CUSTOMER_CONTACT_PERSONS,
    CUSTOMERS,
)
from a4s_pipeline.warehouse.tables.items import (
    ITEM_ATTRIBUTES,
    ITEM_DELIVERIES,
    ITEM_IMAGES,
    ITEM_NAMES,
    ITEM_STOCKS,
    ITEMS,
)
from a4s_pipeline.warehouse.tables.ledger import CREATED_CUSTOMERS, ORDER_EXPORT_ATTEMPTS, ORDER_EXPORTS
from a4s_pipeline.warehouse.tables.orders import ORDER_LINES, ORDERS
from a4s_pipeline.warehouse.tables.reference import (
    CURRENCY_RATES,
    LIST_PRICES,
    ORDER_STATUS,
    REFERENCE_TABLES,
    SITE_TABLES,
)
from a4s_pipeline.warehouse.tables.state import (
    ACKNOWLEDGED,
    DRIFT,
    FLOW_EXECUTIONS,
    FORGOTTEN_CUSTOMERS,
    RECONCILED_MONTHS,
    RESTORES,
    SET_ASIDE,
    SYNC_STATE,
)
from a4s_pipeline.warehouse.tables.versions import (
    CUSTOMER_VERSIONS,
    ITEM_VERSIONS,
    ORDER_LINE_VERSIONS,
    ORDER_VERSIONS,
)

TABLES: tuple[Table, ...] = (
    ORDERS,
    ORDER_LINES,
    CUSTOMERS,
    CUSTOMER_ADDRESSES,
    CUSTOMER_CONTACT_PERSONS,
    CUSTOMER_CONTACT_DETAILS,
    ITEMS,
    ITEM_NAMES,
    ITEM_ATTRIBUTES,
    ITEM_IMAGES,
    ITEM_STOCKS,
    ITEM_DELIVERIES,
    SYNC_STATE,
    SET_ASIDE,
    DRIFT,
    RECONCILED_MONTHS,
    ORDER_EXPORTS,
    ORDER_EXPORT_ATTEMPTS,
    CREATED_CUSTOMERS,
    FLOW_EXECUTIONS,
    FORGOTTEN_CUSTOMERS,
    RESTORES,
    ACKNOWLEDGED,
    ORDER_VERSIONS,
    ORDER_LINE_VERSIONS,
    CUSTOMER_VERSIONS,
    ITEM_VERSIONS,
)

__all__ = [
    "ACKNOWLEDGED",
    "ATTRIBUTES",
    "CONNECTOR",
    "CREATED_CUSTOMERS",
    "CURRENCY_RATES",
    "CUSTOMERS",
    "CUSTOMER_ADDRESSES",
    "CUSTOMER_CONTACT_DETAILS",
    "CUSTOMER_CONTACT_PERSONS",
    "CUSTOMER_VERSIONS",
    "DRIFT",
    "FLOW_EXECUTIONS",
    "FORGOTTEN_CUSTOMERS",
    "ITEMS",
    "ITEM_ATTRIBUTES",
    "ITEM_DELIVERIES",
    "ITEM_IMAGES",
    "ITEM_NAMES",
    "ITEM_STOCKS",
    "ITEM_VERSIONS",
    "LIST_PRICES",
    "ORDERS",
    "ORDER_EXPORTS",
    "ORDER_EXPORT_ATTEMPTS",
    "ORDER_LINES",
    "ORDER_LINE_VERSIONS",
    "ORDER_STATUS",
    "ORDER_VERSIONS",
    "RECONCILED_MONTHS",
    "REFERENCE_TABLES",
    "REMOVED_AT",
    "RESTORES",
    "RUN_ID",
    "SET_ASIDE",
    "SITE_TABLES",
    "SYNCED_AT",
    "SYNC_STATE",
    "TABLES",
]
