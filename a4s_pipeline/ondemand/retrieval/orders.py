"""Order retrieval: answered from what analysts read, under the gateway's own field names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb
from pydantic.alias_generators import to_camel

from a4s_pipeline.errors import HistoryNotConfigured, NotThere, TryAgain
from a4s_pipeline.files import exact_json
from a4s_pipeline.files.texts import plain_decimal
from a4s_pipeline.gateway.calls.answers import no_focus_connector
from a4s_pipeline.gateway.records.records import OrderHeader, OrderLine, WireRecord
from a4s_pipeline.ondemand.retrieval.cursor import Cursor
from a4s_pipeline.warehouse.rows.orders.retrieval import (
    OrderFilter,
    count_orders,
    find_lines,
    find_order,
    find_orders,
)
from a4s_pipeline.warehouse.rows.orders.writing import STREAM
from a4s_pipeline.warehouse.rows.state import StreamState, stream_state
from a4s_pipeline.warehouse.store import Readable

_JSON_FIELDS = ("delivery_address",)


@dataclass(frozen=True)
class OrderHistory:
    """The orders of one connector, for whoever asks for them."""

    store: Readable
    connector: str
    is_imported: bool = True
    """Whether the settings have its orders imported."""

    def orders(self, wanted: OrderFilter) -> dict[str, Any]:
        """Return a page of orders; see `retrieve_orders`."""
        return retrieve_orders(self.store, self.connector, wanted, is_imported=self.is_imported)

    def order(self, order_code: str) -> dict[str, Any]:
        """Return one order; see `retrieve_order`."""
        return retrieve_order(self.store, self.connector, order_code, is_imported=self.is_imported)


def retrieve_orders(
    store: Readable, connector: str, wanted: OrderFilter, *, is_imported: bool = True
) -> dict[str, Any]:
    """Return `{"orders", "total", "asOf", "next"?}`: a page of orders, newest first, with their lines.

    `next` goes on after the last of them, whatever is published meanwhile; it is left out where no more are.
    `asOf` is the legacy backend's last history sync: the orders are as fresh as that. Raises
    `HistoryNotConfigured` where order history does not exist, or is not imported and never was.
    """
    with store.reading() as connection:
        state = _state_with_history(connection, connector, is_imported=is_imported)
        # One more than is wanted tells whether there are more.
        found = find_orders(connection, connector, replace(wanted, limit=wanted.limit + 1))
        orders = found[: wanted.limit]
        lines = find_lines(connection, connector, [order["order_code"] for order in orders])
        page: dict[str, Any] = {
            "orders": [_order(order, lines[order["order_code"]]) for order in orders],
            "total": count_orders(connection, connector, wanted),
            "asOf": _plain(state.last_history_sync),
        }
        if len(found) > wanted.limit:
            page["next"] = str(Cursor(orders[-1]["order_date"], orders[-1]["order_code"]))
        return page


def retrieve_order(
    store: Readable, connector: str, order_code: str, *, is_imported: bool = True
) -> dict[str, Any]:
    """Return one order with its lines and `asOf`; raises `NotThere` where it is not stored."""
    with store.reading() as connection:
        state = _state_with_history(connection, connector, is_imported=is_imported)
        order = find_order(connection, connector, order_code)
        if order is None:
            raise NotThere(
                f"order {order_code!r} of {connector!r} is not in the order history: it may come with the "
                "legacy backend's next history sync",
                code="UnknownOrder",
            )
        lines = find_lines(connection, connector, [order_code])
        return _order(order, lines[order_code]) | {"asOf": _plain(state.last_history_sync)}


def _state_with_history(
    connection: duckdb.DuckDBPyConnection, connector: str, *, is_imported: bool
) -> StreamState:
    state = stream_state(connection, connector, STREAM)
    if state.has_history is None and not is_imported:
        raise HistoryNotConfigured(
            f"the orders of {connector!r} are not imported: A4S_CONNECTORS leaves them out of its streams"
        )
    if state.has_history is None:
        raise TryAgain(
            f"the orders of {connector!r} were not synced yet: run `a4s sync orders` first", code="NotSynced"
        )
    if not state.has_history:
        raise no_focus_connector(f"the connector {connector!r}")
    return state


def _order(order: Mapping[str, Any], lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "orderCode": order["order_code"],
        "attributes": _attributes(order, OrderHeader),
        "lines": [
            {"lineCode": line["line_code"], "attributes": _attributes(line, OrderLine)} for line in lines
        ],
        "linesSyncedAt": _plain(order["lines_synced_at"]),
    }


def _attributes(row: Mapping[str, Any], model: type[WireRecord]) -> dict[str, Any]:
    """Return every field stored, under the gateway's names; those of the contract win over unknown ones."""
    unknown = exact_json.loads(row["attributes"]) if row["attributes"] else {}
    # A copy of an older version lacks some: what it knew of the field is among the attributes.
    named = {
        shown: _PLAIN.get(type(row[name]), _as_it_is)(row[name])
        for name, shown in _shown_names(model)
        if name in row
    }
    for name in _JSON_FIELDS:
        if row.get(name):
            named[to_camel(name)] = exact_json.loads(row[name])
    return unknown | named


@cache
def _shown_names(model: type[WireRecord]) -> list[tuple[str, str]]:
    return [(name, to_camel(name)) for name in model.model_fields]


def _plain(value: Any) -> Any:
    return _PLAIN.get(type(value), _as_it_is)(value)


def _as_it_is(value: Any) -> Any:
    return value


# By type, and not asked for one after another: a page has some three thousand values.
_PLAIN: dict[type, Callable[[Any], Any]] = {
    Decimal: plain_decimal,
    datetime: lambda value: value.astimezone(UTC).isoformat(),
    date: date.isoformat,
}
