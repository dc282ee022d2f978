"""What a check-up finds in an administration's orders: pure functions, each returning one finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from a4s_pipeline.errors import A4sError, AccessDenied
from a4s_pipeline.gateway.checkup.checkup_findings import (
    SHOW_OPERATOR,
    Checked,
    Outcome,
    failure,
    has_answered,
    quoted,
    skipped,
    what_happened,
)
from a4s_pipeline.gateway.listing.page import Page
from a4s_pipeline.gateway.records.reading import Unreadable, read_record
from a4s_pipeline.gateway.records.records import OrderHeader, OrderLine

LARGEST_PAGE_SIZE = 1000

_INCOMPLETE = f"run the check again; if it stays so, {SHOW_OPERATOR}: a sync may never complete"
_READ_TWICE = f"{SHOW_OPERATOR}: a sync imports all that is listed, but reads it twice to be sure"
_HARMLESS = f"{SHOW_OPERATOR}: it does no harm, but costs a sync time"
_WITHOUT_LINES = f"{SHOW_OPERATOR}: a sync stores such orders without their lines, and asks for these again"
_UNREADABLE = f"{SHOW_OPERATOR}: records that do not follow the contract are set aside"


@dataclass
class ReadOrders:
    """The order headers of some pages: the readable ones, and why the first unreadable one is not."""

    headers: list[OrderHeader] = field(default_factory=list)
    unreadable: int = 0
    reason: str = ""


def read_orders(rows: Sequence[Any], timezone: ZoneInfo) -> ReadOrders:
    """Read raw order headers, and count the unreadable ones."""
    orders = ReadOrders()
    for row in rows:
        header = read_record(OrderHeader, row, "orderCode", timezone)
        if isinstance(header, OrderHeader):
            orders.headers.append(header)
        else:
            orders.reason = orders.reason or header.reason
            orders.unreadable += 1
    return orders


def paging(first: Page, small: tuple[Page, Page], beyond: Page) -> Checked:
    """Judge whether pages have the size asked for, follow one another, and end.

    `first` is a larger page that starts where the two `small` ones do.
    """
    name = "paging"
    if first.total_count is None:
        return Checked(name, Outcome.WARNING, "the pages have no totalCount that is a number", _READ_TWICE)
    if (wrong := _wrong_size(first)) is not None:
        # A sync reads any page with records; from an empty first page it gets nothing.
        verdict = Outcome.WARNING if first.items else Outcome.FAILED
        return Checked(name, verdict, wrong, _advice_on_size(first))
    start, follower = ([_identity(row) for row in page.items] for page in small)
    if any(row in start for row in follower):
        return Checked(name, Outcome.FAILED, "page 1 repeats an order of page 0", _INCOMPLETE)
    for page in small:
        if (wrong := _wrong_size(page)) is not None:
            return Checked(name, Outcome.WARNING, wrong, _READ_TWICE)
    from_start = [_identity(row) for row in first.items]
    if any(one != other for one, other in zip(start + follower, from_start, strict=False)):
        message = f"pages of {small[0].size} and a page of {first.size} list other orders from the start"
        return Checked(name, Outcome.FAILED, message, _INCOMPLETE)
    if beyond.items:
        message = f"page {beyond.number:,}, which lies past the end, is not empty"
        return Checked(name, Outcome.WARNING, message, _HARMLESS)
    totals = sorted({page.total_count or 0 for page in (first, *small, beyond)})
    if len(totals) > 1:
        message = f"totalCount went from {totals[0]:,} to {totals[-1]:,} between pages"
        advice = f"run the check again; if it stays so while no orders are placed, {SHOW_OPERATOR}"
        return Checked(name, Outcome.WARNING, message, advice)
    return Checked(name, Outcome.OK, f"pages follow one another and end, over {_orders(totals[0])}")


def _wrong_size(page: Page) -> str | None:
    left = (page.total_count or 0) - page.number * page.size
    expected = max(0, min(page.size, left))
    if len(page.items) == expected:
        return None
    return (
        f"page {page.number} holds {_orders(len(page.items))}, where pageSize {page.size} and "
        f"totalCount {page.total_count or 0:,} make it {expected}"
    )


def _advice_on_size(page: Page) -> str:
    count = len(page.items)
    if 0 < count < (page.total_count or 0) and count <= LARGEST_PAGE_SIZE:
        return f"if its pages always hold {count}, set A4S_PAGE_SIZE to {count}; in any case {SHOW_OPERATOR}"
    return _READ_TWICE


def _identity(row: Any) -> Any:
    code = row.get("orderCode") if isinstance(row, dict) else None
    return row if code is None else str(code)


def order_of_orders(orders: ReadOrders) -> Checked:
    """Judge whether orders are listed by order date; `orders` are one or two pages in their order."""
    name = "order_of_orders"
    count = len(orders.headers)
    if not count:
        message = f"none of {_orders(orders.unreadable)} can be read: {orders.reason}"
        return Checked(name, Outcome.FAILED, message, _UNREADABLE)
    for one, next_ in pairwise(orders.headers):
        if next_.order_date < one.order_date:
            message = (
                f"order {quoted(next_.order_code)} of {_date(next_)} comes after "
                f"order {quoted(one.order_code)} of {_date(one)}"
            )
            advice = f"{SHOW_OPERATOR}: no order is lost, but a sync that is broken off starts over"
            return Checked(name, Outcome.WARNING, message, advice)
    others = f"; {orders.unreadable:,} more cannot be read: {orders.reason}" if orders.unreadable else ""
    return Checked(name, Outcome.OK, f"{_orders(count)} looked at, ascending by orderDate{others}")


def order_at_boundary(headers: Sequence[OrderHeader]) -> OrderHeader:
    """Return an order to split the listing at, if possible with orders on either side of its date."""
    dates = sorted({header.order_date for header in headers})
    middle = dates[(len(dates) - 1) // 2]
    return next(header for header in headers if header.order_date == middle)


def boundary_of_dates(
    order: OrderHeader, from_page: Page, to_page: Page, timezone: ZoneInfo, *, is_ordered: bool
) -> Checked:
    """Judge two first pages, from an order's date and up to it: only the former may contain it."""
    name = "boundary_of_dates"
    from_headers = read_orders(from_page.items, timezone).headers
    if order.order_code not in {header.order_code for header in from_headers}:
        if not is_ordered and (from_page.total_count or 0) > len(from_page.items):
            return skipped(name, "cannot be told from a page while orders come in no order")
        message = (
            f"orderDateFrom {_date(order)} leaves out order {quoted(order.order_code)} of that very moment"
        )
        return Checked(name, Outcome.FAILED, message, f"{SHOW_OPERATOR}: orders are missed")
    if any(header.order_date < order.order_date for header in from_headers):
        message = f"orderDateFrom {_date(order)} lists orders from before it as well"
        return Checked(name, Outcome.WARNING, message, _HARMLESS)
    beyond = [
        header.order_date
        for header in read_orders(to_page.items, timezone).headers
        if header.order_date >= order.order_date
    ]
    if beyond:
        what = "is ignored" if max(beyond) > order.order_date else "lists orders of that very moment too"
        return Checked(name, Outcome.WARNING, f"orderDateTo {_date(order)} {what}", _HARMLESS)
    return Checked(name, Outcome.OK, "orderDateFrom is inclusive, orderDateTo is exclusive")


LinesAnswer = tuple[str, list[Any] | A4sError]
"""An order code, and the outcome of asking for its lines."""


def order_lines(answers: Sequence[LinesAnswer], timezone: ZoneInfo) -> Checked:
    """Judge the lines of the last order asked for; those before it had none, or failed."""
    name = "order_lines"
    errors = [answer for _, answer in answers if isinstance(answer, A4sError)]
    had = [(code, answer) for code, answer in answers if not isinstance(answer, A4sError)]
    if not had:
        refused = isinstance(errors[0], AccessDenied) or not has_answered(errors[0])
        return failure(name, errors[0], None if refused else _WITHOUT_LINES)
    code, lines = had[-1]
    reasons = [
        read.reason
        for line in lines
        if isinstance(read := read_record(OrderLine, line, "lineCode", timezone), Unreadable)
    ]
    if reasons:
        verdict = Outcome.FAILED if len(reasons) == len(lines) else Outcome.WARNING
        message = f"{len(reasons)} of {len(lines)} lines of order {quoted(code)} cannot be read: {reasons[0]}"
        return Checked(name, verdict, message, _UNREADABLE)
    message = f"order {quoted(code)} has {len(lines) or 'no'} line{'' if len(lines) == 1 else 's'}"
    if errors:
        return Checked(name, Outcome.WARNING, f"{message}, but {what_happened(errors[0])}", _WITHOUT_LINES)
    return Checked(name, Outcome.OK, message)


def _orders(count: int) -> str:
    return f"{count:,} order{'' if count == 1 else 's'}"


def _date(order: OrderHeader) -> str:
    return order.order_date.isoformat()
