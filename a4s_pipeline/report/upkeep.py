"""The freshness of the streams, and what is missing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

import duckdb

STREAMS = ("orders", "customers", "items")
OLDEST = timedelta(hours=24)


class Freshness(Enum):
    """How fresh a stream is, in a word for the page."""

    FRESH = "fresh"
    OLD = "old"
    FAILED = "failed"
    NEVER = "never synced"
    ABSENT = "no order history"


@dataclass(frozen=True)
class Stream:
    """One stream of a connector; `seen` is how many records its last run listed."""

    name: str
    last_success_at: datetime | None = None
    last_history_sync: datetime | None = None
    has_history: bool | None = None
    last_error: str | None = None
    seen: int | None = None

    def freshness(self, now: datetime) -> Freshness:
        """Judge the stream: orders are only as fresh as the legacy backend's history."""
        if self.has_history is False:
            return Freshness.ABSENT
        if self.last_success_at is None:
            return Freshness.FAILED if self.last_error else Freshness.NEVER
        instants = [self.last_success_at]
        if self.last_history_sync is not None:
            instants.append(self.last_history_sync)
        if now - min(instants) > OLDEST:
            return Freshness.OLD
        return Freshness.FAILED if self.last_error else Freshness.FRESH


@dataclass(frozen=True)
class Aside:
    """A record that could not be read, and why."""

    stream: str
    key: str
    reason: str | None
    first_seen_at: datetime | None


@dataclass(frozen=True)
class OrderWithoutLines:
    """An order without its lines."""

    code: str
    order_date: datetime | None
    customer_code: str | None
    sub_total: Decimal | None
    currency: str | None


@dataclass(frozen=True)
class StreamsShown:
    """The state of a connector's streams: the first faulty records of each kind, and their total number."""

    streams: list[Stream]
    aside: list[Aside]
    aside_count: int
    without_lines: list[OrderWithoutLines]
    without_lines_count: int


def upkeep_of(
    connection: duckdb.DuckDBPyConnection, connector: str, streams: Collection[str], limit: int
) -> StreamsShown:
    """Return the state of a connector's streams, with at most `limit` records of each kind."""
    parameters = {"connector": connector}
    states = connection.execute(
        """
        SELECT stream, last_success_at, last_history_sync, has_history, last_error, seen
        FROM sync_state WHERE connector = $connector
        """,
        parameters,
    ).fetchall()
    known = {row[0]: Stream(*row) for row in states}
    if any(stream.last_success_at for stream in known.values()):
        # If the other streams were imported and orders were never tried, there are none.
        known.setdefault("orders", Stream("orders", has_history=False))
    aside = connection.execute(
        """
        SELECT stream, record_key, reason, first_seen_at FROM set_aside
        WHERE connector = $connector ORDER BY first_seen_at DESC, stream, record_key LIMIT $limit
        """,
        {**parameters, "limit": limit},
    ).fetchall()
    without_lines = connection.execute(
        """
        SELECT order_code, order_date, customer_code, sub_total, currency FROM orders_without_lines
        WHERE connector = $connector ORDER BY order_date DESC, order_code LIMIT $limit
        """,
        {**parameters, "limit": limit},
    ).fetchall()
    return StreamsShown(
        [known.get(name, Stream(name)) for name in STREAMS if name in streams],
        [Aside(*row) for row in aside],
        _count(connection, "SELECT count(*) FROM set_aside WHERE connector = $connector", connector),
        [OrderWithoutLines(*row) for row in without_lines],
        _count(
            connection, "SELECT count(*) FROM orders_without_lines WHERE connector = $connector", connector
        ),
    )


def connectors_in(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the names of the connectors in the copy."""
    rows = connection.execute(
        "SELECT connector FROM sync_state UNION SELECT connector FROM orders ORDER BY connector"
    ).fetchall()
    return [name for (name,) in rows]


def _count(connection: duckdb.DuckDBPyConnection, query: str, connector: str) -> int:
    row = connection.execute(query, {"connector": connector}).fetchone()
    return int(row[0]) if row else 0
