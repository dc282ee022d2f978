"""The lines of one order: all of them, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from a4s_pipeline.errors import A4sError, ChangeSite, Forbidden
from a4s_pipeline.exact_json import fingerprint_of
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.reading import Unreadable, read_record
from a4s_pipeline.gateway.records import OrderLine
from a4s_pipeline.sync.access import Access
from a4s_pipeline.sync.drift_count import DriftCount
from a4s_pipeline.sync.rows import Stamp, Unstorable, row_of
from a4s_pipeline.warehouse.orders import LINES_STREAM
from a4s_pipeline.warehouse.staging import Row


@dataclass(frozen=True)
class LinesRead:
    """All lines of an order, as rows (none where it has no lines), and a hash of them as they came."""

    rows: Sequence[Row]
    fingerprint: str


@dataclass(frozen=True)
class LinesUnreadable:
    """The lines came, but cannot be read: they are set aside together until the source is mended."""

    unreadable: Unreadable


@dataclass(frozen=True)
class LinesLeft:
    """The lines cannot be had now: they are left for the next sync."""

    error: A4sError


LinesOutcome = LinesRead | LinesUnreadable | LinesLeft


def fetch_lines(
    administration: Administration,
    order_code: str,
    stamp: Stamp,
    drift: DriftCount,
    access: Access | None = None,
) -> LinesOutcome:
    """Have the lines of one order; what stops every order (`ChangeSite`) is raised.

    The order was listed to these credentials: where its lines are forbidden, that is a matter of this order,
    unless `access` tells that it is so with all.
    """
    try:
        reply = administration.order_lines(order_code)
    except Forbidden as error:
        if access is not None:
            access.note_forbidden(error)
        return LinesLeft(error)
    except ChangeSite:
        raise
    except A4sError as error:
        return LinesLeft(error)
    if access is not None:
        access.note_allowed()
    drift.add(LINES_STREAM, reply.value, is_mended=reply.is_mended)
    return lines_of(order_code, reply.value, administration, stamp)


def lines_of(
    order_code: str, raw: list[Any], administration: Administration, stamp: Stamp
) -> LinesRead | LinesUnreadable:
    """Read the lines of an order, all or none: one that cannot be read sets aside the reply as a whole."""
    rows: dict[str, Row] = {}
    sources: dict[str, Any] = {}
    for place, raw_line in enumerate(raw, start=1):
        line = read_record(OrderLine, raw_line, "lineCode", administration.timezone)
        if isinstance(line, Unreadable):
            return _unreadable(order_code, f"line {place}: {line.reason}", raw)
        if sources.setdefault(line.line_code, raw_line) != raw_line:
            return _unreadable(order_code, f"line {place}: another line has the same lineCode", raw)
        try:
            rows[line.line_code] = row_of(line, stamp) | {"order_code": order_code}
        except Unstorable as fault:
            return _unreadable(order_code, f"line {place}: {fault}", raw)
    return LinesRead(list(rows.values()), fingerprint_of(raw))


def _unreadable(order_code: str, reason: str, raw: list[Any]) -> LinesUnreadable:
    return LinesUnreadable(Unreadable(order_code, reason, raw))
