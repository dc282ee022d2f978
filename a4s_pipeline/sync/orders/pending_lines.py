"""Asks again for lines of stored orders: those without lines, in each sync, and those with a wrong sub
total.
"""

from __future__ import annotations

from collections.abc import Sequence

from a4s_pipeline.sync.orders.order_records import LineCalls, LinesPending, LinesUnreadable
from a4s_pipeline.sync.orders.order_writer import OrderWriter
from a4s_pipeline.sync.rows import set_aside_of
from a4s_pipeline.warehouse.rows.orders.writing import (
    LINES_STREAM,
    FilledLines,
    PendingOrder,
    fill_lines,
    pending_orders,
)
from a4s_pipeline.warehouse.rows.row_changes import RowCounts
from a4s_pipeline.warehouse.rows.state import SetAside

PENDING_AT_ONCE = 500


def fetch_pending_lines(pending: Sequence[PendingOrder], calls: LineCalls, writer: OrderWriter) -> None:
    """Ask for lines that earlier syncs could not fetch or read; `pending` is the first batch of orders."""
    while pending:
        _ask(pending, calls, writer)
        with calls.run.warehouse.session() as connection:
            pending = pending_orders(connection, calls.run.stamp.connector, pending[-1], PENDING_AT_ONCE)


def read_lines_again(orders: Sequence[PendingOrder], calls: LineCalls, writer: OrderWriter) -> None:
    """Ask for the lines of these orders again, and replace the stored ones even if equal.

    An order keeps its lines if they cannot be fetched now.
    """
    run = calls.run
    run.result.seen = len(orders)
    for first in range(0, len(orders), PENDING_AT_ONCE):
        some = orders[first : first + PENDING_AT_ONCE]
        came = _ask(some, calls, writer, is_repair=True)
        run.result.changed += sum(bool(counts) for counts in came.values())


def _ask(
    orders: Sequence[PendingOrder],
    calls: LineCalls,
    writer: OrderWriter,
    *,
    is_repair: bool = False,
) -> dict[str, RowCounts]:
    run = calls.run
    asked = [(one, calls.ask(one.code)) for one in orders]
    filled: dict[str, FilledLines] = {}
    set_aside: list[SetAside] = []
    for order, future in asked:
        lines = future.result()
        if isinstance(lines, LinesPending):
            writer.postpone(order.code, lines)
            continue
        unreadable = [lines.unreadable] if isinstance(lines, LinesUnreadable) else lines.parts
        run.result.set_aside += len(unreadable)
        run.result.parts_set_aside += len(unreadable)
        if isinstance(lines, LinesUnreadable):
            writer.failed.add(order.code)
        elif (
            not is_repair
            and lines.fingerprint == order.lines_fingerprint
            and len(unreadable) == order.set_aside
        ):
            # Nothing was mended: the stored lines, and those set aside, stay.
            continue
        else:
            filled[order.code] = FilledLines(lines.rows, lines.fingerprint)
        set_aside += [set_aside_of(LINES_STREAM, one, None) for one in unreadable]
    came = fill_lines(run.warehouse, filled, set_aside, writer.progress({}))
    writer.count_filled({order.code: order.order_date for order in orders}, came)
    return came
