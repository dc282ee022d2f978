"""Every kind of request by name, including those that the gateway does not support."""

from __future__ import annotations

from typing import Any

from a4s_pipeline.ondemand.requests.create_customer import CREATE_CUSTOMER
from a4s_pipeline.ondemand.requests.export_order import EXPORT_ORDER
from a4s_pipeline.ondemand.requests.kind import RequestKind
from a4s_pipeline.ondemand.requests.projected_stock import PROJECTED_STOCK
from a4s_pipeline.ondemand.requests.retrieve_orders import (
    RETRIEVE_CUSTOMER_ORDERS,
    RETRIEVE_ORDER,
    RETRIEVE_ORDERS,
)

KINDS: dict[str, RequestKind[Any]] = {
    kind.name: kind
    for kind in (
        PROJECTED_STOCK,
        EXPORT_ORDER,
        CREATE_CUSTOMER,
        RETRIEVE_ORDERS,
        RETRIEVE_CUSTOMER_ORDERS,
        RETRIEVE_ORDER,
    )
}

LEDGER_OF = {name: kind.ledger for name, kind in KINDS.items() if kind.ledger is not None}
"""The ledger of each kind that sends."""

NOT_SUPPORTED = {
    "update_customer": "customers cannot be updated through the gateway: change them in the legacy backend",
    "delete_customer": "customers cannot be deleted through the gateway: delete them in the legacy backend",
    "prices": "the gateway has no prices: App4Sales gets them elsewhere",
    "attachments": "the gateway has no attachments of items",
    "restock_orders": "the gateway has no restock orders; expected deliveries are part of the stock",
}
