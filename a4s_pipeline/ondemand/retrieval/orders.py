"""Order retrieval from the published copy, under the gateway's own field names."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial
from sys import getsizeof
from typing import Any, TypeVar

import duckdb
from pydantic.alias_generators import to_camel

from a4s_pipeline.errors import HistoryNotConfigured, NotThere, TryAgain
from a4s_pipeline.files import exact_json
from a4s_pipeline.files.exact_json import Written
from a4s_pipeline.gateway.calls.answers import no_focus_connector
from a4s_pipeline.gateway.records.records import OrderHeader, OrderLine, WireRecord
from a4s_pipeline.ondemand.retrieval.cursor import Cursor
from a4s_pipeline.ondemand.retrieval.remembered import Remembered
from a4s_pipeline.warehouse.rows.orders.retrieval import (
    FoundLine,
    FoundOrder,
    Names,
    OrderFilter,
    count_orders,
    find_order,
    find_orders,
    place_after,
)
from a4s_pipeline.warehouse.rows.orders.writing import STREAM
from a4s_pipeline.warehouse.rows.state import StreamState, stream_state
from a4s_pipeline.warehouse.store import Readable

# Orders are read in batches of this size: 300 cost the store little more than the 50 of a page.
_SPAN = 300
_SMALL = 500

T = TypeVar("T")


@dataclass(frozen=True)
class _FoundOrder:
    """An order of a list: its position, and its JSON."""

    order_date: datetime
    order_code: str
    document: Written


class _NotRemembered(Exception):
    """The answer from this version of the store is not remembered yet."""


@dataclass(frozen=True)
class OrderHistory:
    """The orders of one connector.

    Answers from a published copy are remembered until the next copy: pages overlap, and follow each other.
    """

    store: Readable
    connector: str
    is_imported: bool = True
    """Whether the settings import its orders."""
    remembered: Remembered = field(default_factory=Remembered)

    def orders(self, wanted: OrderFilter) -> dict[str, Any]:
        """Return `{"orders", "total", "asOf", "next"?}`: a page of orders, newest first, with their lines.

        Each order is finished JSON. `next` continues after the last one, whatever is published meanwhile; the
        last page has none. `asOf` is the legacy backend's last history sync: the orders are as fresh as that.
        Raises `HistoryNotConfigured` if there is no order history, or it was never imported.
        """
        try:
            return self._page(_Questions(self.remembered, self.store.version()), wanted)
        except _NotRemembered:
            with self.store.reading_version() as (connection, version):
                return self._page(_Questions(self.remembered, version, connection), wanted)

    def order(self, order_code: str) -> dict[str, Any]:
        """Return one order with its lines and `asOf`; raises `NotThere` if it is not stored."""
        with self.store.reading() as connection:
            state = self._state(connection)
            found = find_order(connection, self.connector, order_code, **_names())
        if found is None:
            raise NotThere(
                f"order {order_code!r} of {self.connector!r} is not in the order history: it may come with "
                "the legacy backend's next history sync",
                code="UnknownOrder",
            )
        order: dict[str, Any] = exact_json.loads(_document(found))
        return order | {"asOf": _instant(state.last_history_sync)}

    def _page(self, questions: _Questions, wanted: OrderFilter) -> dict[str, Any]:
        state = questions.answer("state", self._state, _SMALL)
        which = replace(wanted, limit=0, offset=0, after=None)
        total = questions.answer(
            ("total", which), lambda store: count_orders(store, self.connector, which), _SMALL
        )
        start = wanted.offset
        if wanted.after is not None:
            after = wanted.after
            start = questions.answer(
                ("place", which, after),
                lambda store: place_after(store, self.connector, which, after),
                _SMALL,
            )
        orders = self._orders(questions, which, start, min(start + wanted.limit, total))
        page: dict[str, Any] = {
            "orders": [order.document for order in orders],
            "total": total,
            "asOf": _instant(state.last_history_sync),
        }
        if orders and start + wanted.limit < total:
            page["next"] = str(Cursor(orders[-1].order_date, orders[-1].order_code))
        return page

    def _orders(self, questions: _Questions, which: OrderFilter, start: int, end: int) -> list[_FoundOrder]:
        """Return the orders of a filter from one position to another, read with those around them."""
        if start >= end:
            return []
        if not questions.is_remembering:
            return self._read(questions.store(), replace(which, offset=start, limit=end - start))
        first = start - start % _SPAN
        found: list[_FoundOrder] = []
        for offset in range(first, end, _SPAN):
            span = replace(which, offset=offset, limit=_SPAN)
            found += questions.answer(("orders", span), partial(self._read, span=span))
        return found[start - first : end - first]

    def _read(self, connection: duckdb.DuckDBPyConnection, span: OrderFilter) -> list[_FoundOrder]:
        return [
            _FoundOrder(found.order_date, found.order_code, Written(_document(found)))
            for found in find_orders(connection, self.connector, span, **_names())
        ]

    def _state(self, connection: duckdb.DuckDBPyConnection) -> StreamState:
        state = stream_state(connection, self.connector, STREAM)
        if state.has_history is None and not self.is_imported:
            raise HistoryNotConfigured(
                f"the orders of {self.connector!r} are not imported: A4S_CONNECTORS leaves them out of its "
                "streams"
            )
        if state.has_history is None:
            raise TryAgain(
                f"the orders of {self.connector!r} were not synced yet: run `a4s sync orders` first",
                code="NotSynced",
            )
        if not state.has_history:
            raise no_focus_connector(f"the connector {self.connector!r}")
        return state


@dataclass(frozen=True)
class _Questions:
    """Reads one version of the store: from memory, or from the open store."""

    remembered: Remembered
    version: Hashable
    """None if the store has no versions: then nothing is remembered."""
    connection: duckdb.DuckDBPyConnection | None = None

    @property
    def is_remembering(self) -> bool:
        return self.version is not None

    def store(self) -> duckdb.DuckDBPyConnection:
        if self.connection is None:
            raise _NotRemembered
        return self.connection

    def answer(
        self, question: Hashable, ask: Callable[[duckdb.DuckDBPyConnection], T], size: int | None = None
    ) -> T:
        """Return the answer to a question; raises `_NotRemembered` if the store would have to be opened."""
        if not self.is_remembering:
            return ask(self.store())
        known: T | None = self.remembered.find(self.version, question)
        if known is None:
            store = self.store()
            with self.remembered.turn(question):
                known = self.remembered.find(self.version, question)
                if known is None:
                    known = ask(store)
                    self.remembered.keep(self.version, question, known, size or _size_of(known))
        return known


def _size_of(orders: Any) -> int:
    return sum(_SMALL + getsizeof(order.document.encoded_json) for order in orders)


def _document(order: FoundOrder) -> str:
    lines = ",".join(
        f'{{"lineCode":{exact_json.dumps(line.line_code)},"attributes":{_attributes(line)}}}'
        for line in order.lines
    )
    return (
        f'{{"orderCode":{exact_json.dumps(order.order_code)},"attributes":{_attributes(order)},'
        f'"lines":[{lines}],"linesSyncedAt":{exact_json.dumps(_instant(order.lines_synced_at))}}}'
    )


def _attributes(found: FoundOrder | FoundLine) -> str:
    """Return every field stored, as JSON; those of the contract win over unknown ones."""
    # A copy of an older version lacks some columns; their values are among the attributes.
    if not found.attributes:
        return found.fields
    return exact_json.dumps(exact_json.loads(found.attributes) | exact_json.loads(found.fields))


@cache
def _names() -> dict[str, Names]:
    return {"order_names": _shown(OrderHeader), "line_names": _shown(OrderLine)}


def _shown(model: type[WireRecord]) -> Names:
    return {name: to_camel(name) for name in model.model_fields}


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat()
