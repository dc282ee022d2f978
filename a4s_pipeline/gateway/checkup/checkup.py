"""Asks one administration ten questions, in at most twenty read-only calls."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from a4s_pipeline.errors import A4sError, AccessDenied, ChangeRequest, HistoryNotConfigured
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.calls.client import Reply
from a4s_pipeline.gateway.calls.retrying import RetryRule
from a4s_pipeline.gateway.checkup import checkup_orders, checkup_pages, checkup_status
from a4s_pipeline.gateway.checkup.checkup_findings import (
    LEFT_OUT,
    NO_HISTORY,
    Checked,
    Outcome,
    failure,
    skipped,
)
from a4s_pipeline.gateway.checkup.checkup_orders import LinesAnswer, ReadOrders, read_orders
from a4s_pipeline.gateway.listing.page import Page
from a4s_pipeline.gateway.records.records import Status

# A check-up reports that the gateway is busy instead of waiting until it is not.
PATIENCE = RetryRule(tries=2, tries_when_told=2, longest_told_wait=5.0)

STATUS_CHECKS = (
    "reachable",
    "credentials",
    "administration",
    "focus_connector",
    "last_history_sync",
    "clock",
)
ORDER_CHECKS = ("paging", "order_of_orders", "boundary_of_dates", "order_lines")

_SMALL_PAGE = 2
# Far enough past the end that orders placed meanwhile do not reach it.
_PAGES_PAST_END = 100
_ORDERS_ASKED_FOR_LINES = 3
_NO_ORDERS = "no orders to look at"

T = TypeVar("T")


@dataclass(frozen=True)
class HistoryWanted:
    """Whether a connector's orders are to be imported, and whether they ever were."""

    is_wanted: bool = True
    was_there: bool = False


def check_up(
    administration: Administration,
    history: HistoryWanted | None = None,
    records: Collection[str] = ("items", "customers"),
) -> list[Checked]:
    """Return the ten findings in their fixed order; orders are skipped if they are not imported.

    `records` names the other imported streams.
    """
    history = history or HistoryWanted()
    asked_at = datetime.now(UTC)
    status = _asked(administration.status)
    answered_at = datetime.now(UTC)
    if isinstance(status, A4sError):
        reason = checkup_status.why_no_status(status)
        return [
            checkup_status.reachable(status),
            checkup_status.credentials(status, None),
            checkup_status.administration(status, administration.name),
            *(skipped(name, reason) for name in (*STATUS_CHECKS[3:], *ORDER_CHECKS)),
        ]
    if not history.is_wanted:
        return [
            checkup_status.reachable(status),
            checkup_status.credentials(status, None),
            checkup_status.administration(status, administration.name),
            skipped("focus_connector", LEFT_OUT),
            skipped("last_history_sync", LEFT_OUT),
            _clock(status, asked_at, answered_at),
            _paging_of_all(administration, skipped("paging", LEFT_OUT), records),
            *(skipped(name, LEFT_OUT) for name in ORDER_CHECKS[1:]),
        ]
    first: Reply[Page] | A4sError | None = None
    if status.value.focus_connector.configured:
        first = _asked(lambda: administration.page_as_it_comes("orders", 0, administration.page_size))
    error = first if isinstance(first, A4sError) else None
    paging, *orders = _orders(administration, first)
    if not isinstance(first, AccessDenied):
        paging = _paging_of_all(administration, paging, records)
    return [
        checkup_status.reachable(status),
        checkup_status.credentials(status, error),
        checkup_status.administration(status, administration.name),
        focus := checkup_status.focus_connector(status.value, error, had_history=history.was_there),
        _history_sync(status.value, focus, answered_at),
        _clock(status, asked_at, answered_at),
        paging,
        *orders,
    ]


def _asked(call: Callable[[], Reply[T]]) -> Reply[T] | A4sError:
    try:
        return call()
    except A4sError as error:
        return error


def _history_sync(status: Status, focus: Checked, now: datetime) -> Checked:
    if focus.verdict is not Outcome.OK:
        return skipped("last_history_sync", NO_HISTORY)
    return checkup_status.last_history_sync(status.last_history_sync, now)


def _clock(status: Reply[Status], asked_at: datetime, answered_at: datetime) -> Checked:
    if status.clock is None:
        return checkup_status.clock(None)
    return checkup_status.clock(checkup_status.clock_offset(status.clock, asked_at, answered_at))


def _orders(administration: Administration, first: Reply[Page] | A4sError | None) -> list[Checked]:
    if first is None or isinstance(first, HistoryNotConfigured):
        return [skipped(name, NO_HISTORY) for name in ORDER_CHECKS]
    if isinstance(first, AccessDenied):
        return [skipped(name, "the gateway refuses the credentials") for name in ORDER_CHECKS]
    if isinstance(first, A4sError):
        rest = [skipped(name, "the orders cannot be listed") for name in ORDER_CHECKS[1:]]
        return [failure("paging", first), *rest]
    page = first.value
    if not page.items and not page.total_count:
        return [skipped(name, _NO_ORDERS) for name in ORDER_CHECKS]
    paging = _finding("paging", lambda: _paging(administration, page))
    if not page.items:
        return [paging, *(skipped(name, _NO_ORDERS) for name in ORDER_CHECKS[1:])]
    orders = read_orders(page.items, administration.timezone)
    order = _finding("order_of_orders", lambda: _order(administration, page))
    if not orders.headers:
        return [paging, order, *(skipped(name, "no order can be read") for name in ORDER_CHECKS[2:])]
    is_ordered = order.verdict is Outcome.OK
    return [
        paging,
        order,
        _finding("boundary_of_dates", lambda: _boundary(administration, orders, is_ordered=is_ordered)),
        _lines(administration, orders),
    ]


def _finding(name: str, look: Callable[[], Checked]) -> Checked:
    try:
        return look()
    except A4sError as error:
        return failure(name, error)


def _paging(administration: Administration, first: Page) -> Checked:
    def page(number: int) -> Page:
        return administration.page_as_it_comes("orders", number, _SMALL_PAGE).value

    of_orders = _paging_of(administration, "orders", first)
    if of_orders.verdict is not Outcome.OK and 0 < len(first.items) >= (first.total_count or 0):
        return of_orders
    past_end = (first.total_count or 0) // _SMALL_PAGE + _PAGES_PAST_END
    finding = checkup_orders.paging(first, (page(0), page(1)), page(past_end))
    return of_orders if finding.verdict is Outcome.OK and of_orders.verdict is not Outcome.OK else finding


def _paging_of_all(administration: Administration, of_orders: Checked, records: Collection[str]) -> Checked:
    """Join the findings on orders with those on the other streams."""

    def of(stream: str) -> Checked:
        first = administration.page_as_it_comes(stream, 0, administration.page_size).value
        return _paging_of(administration, stream, first)

    return checkup_pages.joined([of_orders, *(_finding("paging", partial(of, stream)) for stream in records)])


def _paging_of(administration: Administration, stream: str, first: Page) -> Checked:
    rows, total, size = len(first.items), first.total_count or 0, administration.page_size
    if not rows and not total:
        return checkup_pages.pages_of_stream(stream, first, None, None)
    second = _page_or_none(administration, stream, 1, rows if 0 < rows < size else size)
    last = (total - 1) // size
    at_end = second if last < 2 else _page_or_none(administration, stream, last, size)
    return checkup_pages.pages_of_stream(stream, first, second, at_end if last else None)


def _page_or_none(administration: Administration, stream: str, number: int, size: int) -> Page | None:
    """Read a page after the first; None if the gateway refuses it, as some do past the end."""
    try:
        return administration.page_as_it_comes(stream, number, size).value
    except ChangeRequest:
        return None


def _order(administration: Administration, first: Page) -> Checked:
    rows = list(first.items)
    if first.size < (first.total_count or 0):
        last = ((first.total_count or 0) - 1) // first.size
        rows += administration.page_as_it_comes("orders", last, administration.page_size).value.items
    return checkup_orders.order_of_orders(read_orders(rows, administration.timezone))


def _boundary(administration: Administration, orders: ReadOrders, *, is_ordered: bool) -> Checked:
    order = checkup_orders.order_at_boundary(orders.headers)
    instant = order.order_date.astimezone(administration.timezone)
    from_page = administration.page_as_it_comes("orders", 0, administration.page_size, start=instant).value
    to_page = administration.page_as_it_comes("orders", 0, administration.page_size, end=instant).value
    return checkup_orders.boundary_of_dates(
        order, from_page, to_page, administration.timezone, is_ordered=is_ordered
    )


def _lines(administration: Administration, orders: ReadOrders) -> Checked:
    """Ask for the lines of an order, and of another if the first has none."""
    codes = [header.order_code for header in orders.headers]
    answers: list[LinesAnswer] = []
    for code in codes[:: max(1, len(codes) // _ORDERS_ASKED_FOR_LINES)][:_ORDERS_ASKED_FOR_LINES]:
        lines = _asked(partial(administration.order_lines, code))
        answers.append((code, lines.value if isinstance(lines, Reply) else lines))
        if isinstance(lines, Reply) and lines.value:
            break
    return checkup_orders.order_lines(answers, administration.timezone)
