"""The calls of one administration, each with its typed reply."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from a4s_pipeline.errors import (
    ChangeRequest,
    GatewayUnavailable,
    NotThere,
    ReplyBeyondBounds,
    ReplyUnreadable,
)
from a4s_pipeline.gateway.calls.answers import no_focus_connector
from a4s_pipeline.gateway.calls.belonging import PageNumbers, require_code, require_lines_of
from a4s_pipeline.gateway.calls.client import GatewayCall, GatewayClient, Reply
from a4s_pipeline.gateway.listing.page import Page, read_page
from a4s_pipeline.gateway.listing.page_sizes import PageSizes
from a4s_pipeline.gateway.records.dates import as_query
from a4s_pipeline.gateway.records.pictures import whole_picture
from a4s_pipeline.gateway.records.reading import Unreadable, read_record
from a4s_pipeline.gateway.records.records import Status
from a4s_pipeline.gateway.records.stock_records import Stock


class Administration:
    """One administration at the gateway: its calls, and the time zone of its dates."""

    def __init__(self, client: GatewayClient, name: str, timezone: ZoneInfo, page_size: int) -> None:
        self.client = client
        self.name = name
        self.timezone = timezone
        self.page_size = page_size
        """The usual number of records on a page of its listings."""
        self._one_size_alone: set[str] = set()
        self._page_numbers: defaultdict[str, PageNumbers] = defaultdict(PageNumbers)
        self._page_sizes = PageSizes()

    def status(self) -> Reply[Status]:
        """Ask for the focus connector and the last history sync."""
        return self.client.get(
            GatewayCall("status", self.name, f"the status of {self.name!r}"), self._read_status
        )

    def _read_status(self, raw: Any) -> Status:
        status = read_record(Status, raw, "administration", self.timezone)
        if isinstance(status, Unreadable):
            raise ValueError(status.reason)
        return status

    def orders(
        self, start: datetime | None, end: datetime | None, page: int, page_size: int | None = None
    ) -> Reply[Page]:
        """Read one page of order headers, `start` inclusive to `end` exclusive, ascending by date."""
        return self._page("orders", page, _bounds(start, end), page_size)

    def page_as_it_comes(
        self,
        stream: str,
        page: int,
        page_size: int,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Reply[Page]:
        """Read one page of a stream, even a short one; of orders, those from `start` to `end`."""
        return self._one_page(stream, _bounds(start, end), page, page_size)

    def order_lines(self, order_code: str) -> Reply[list[Any]]:
        """Read the lines of one order, still raw."""
        subject = f"the lines of order {order_code!r} of {self.name!r}"

        def read(raw: Any) -> list[Any]:
            lines = _array(raw)
            require_lines_of(lines, order_code)
            return lines

        call = GatewayCall("order_lines", self.name, subject, order_code, may_be_empty=True)
        return self.client.get(call, read)

    def items(self, page: int, page_size: int | None = None) -> Reply[Page]:
        """Read one page of items, by their code."""
        return self._page("items", page, {}, page_size)

    def customers(self, page: int, page_size: int | None = None) -> Reply[Page]:
        """Read one page of customers, by their code."""
        return self._page("customers", page, {}, page_size)

    def image(self, image_hash: str) -> Reply[bytes]:
        """Fetch the bytes of one picture."""
        subject = f"the image {image_hash!r} of {self.name!r}"
        return self.client.get_bytes(GatewayCall("image", self.name, subject, image_hash), whole_picture)

    def stock(self, item_code: str) -> Reply[Stock]:
        """Ask for the stock of one item, live."""
        subject = f"the stock of item {item_code!r} of {self.name!r}"

        def read(raw: Any) -> Stock:
            require_code(raw, "itemCode", item_code)
            return self._read_stock(raw)

        return self.client.get(GatewayCall("stock", self.name, subject, item_code), read)

    def _read_stock(self, raw: Any) -> Stock:
        stock = read_record(Stock, raw, "itemCode", self.timezone)
        if isinstance(stock, Unreadable):
            raise ValueError(stock.reason)
        return stock

    def _page(self, route: str, page: int, query: dict[str, str], size: int | None) -> Reply[Page]:
        """Read one page, in smaller pages if needed; each span of dates is a listing of its own.

        A gateway that accepts only the usual page size is asked for that size.
        """
        key = repr((route, query))
        ask = partial(self._one_page, route, query)
        if size is None or route in self._one_size_alone:
            size = self.page_size
        try:
            return self._page_sizes.page(key, ask, page, size)
        except (ChangeRequest, GatewayUnavailable, ReplyUnreadable) as refusal:
            if page or size == self.page_size or isinstance(refusal, NotThere | ReplyBeyondBounds):
                raise
            reply = self._page_sizes.page(key, ask, page, self.page_size)
            self._one_size_alone.add(route)
            return reply

    def _one_page(self, route: str, query: dict[str, str], page: int, asked: int) -> Reply[Page]:
        params: dict[str, str | int] = {**query, "page": page, "pageSize": asked}
        numbers = self._page_numbers[route]
        subject = f"page {page} of the {route} of {self.name!r}"

        def read(raw: Any) -> Page:
            if isinstance(raw, dict):
                numbers.require(raw.get("page"), page)
            return read_page(raw, page, asked)

        reply = self.client.get(
            GatewayCall(route, self.name, subject, params=params, may_be_empty=True), read
        )
        return replace(reply, value=replace(reply.value, is_mended=True)) if reply.is_mended else reply


def _bounds(start: datetime | None, end: datetime | None) -> dict[str, str]:
    bounds = {"orderDateFrom": start, "orderDateTo": end}
    return {name: as_query(instant) for name, instant in bounds.items() if instant is not None}


def _array(raw: Any) -> list[Any]:
    # As with pages, nothing (204, an empty body, null) is an empty list, one object is a list of one, and an
    # object of objects is a list as PHP writes it.
    if raw is None:
        return []
    if isinstance(raw, dict) and "lineCode" in raw:
        return [raw]
    if (
        isinstance(raw, dict)
        and raw
        and all(isinstance(line, dict) and "lineCode" in line for line in raw.values())
    ):
        return list(raw.values())
    if not isinstance(raw, list):
        raise ValueError("order lines are an array")
    return raw


def require_history(status: Status, administration: str) -> None:
    """Raise `HistoryNotConfigured` if the legacy backend has no focus connector."""
    if not status.focus_connector.configured:
        raise no_focus_connector(f"the administration {administration!r}")
