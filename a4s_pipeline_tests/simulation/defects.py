"""Defects that the simulation must find, each with a seed that finds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from a4s_pipeline.errors import GatewayUnavailable
from a4s_pipeline.gateway.calls.client import GatewayClient
from a4s_pipeline.ondemand.sending import send_once
from a4s_pipeline.ondemand.sending.bookkeeping import Bookkeeping, OpenAttempt
from a4s_pipeline.sync.changes import need_of
from a4s_pipeline.sync.orders import order_removals
from a4s_pipeline.sync.orders.order_records import LinesPending, LinesRead
from a4s_pipeline.sync.orders.order_writer import OrderWriter
from a4s_pipeline.sync.records import records_import
from a4s_pipeline.sync.removals import Removal, Verdict
from a4s_pipeline.warehouse.file import publish
from a4s_pipeline.warehouse.rows.orders.writing import OrderBatch, write_orders

Patch = pytest.MonkeyPatch


def the_watermark_is_written_before_the_rows(patch: Patch) -> None:
    write = OrderWriter._write

    def early(self: OrderWriter, batch: OrderBatch, progress: Any) -> list[str]:
        write_orders(self._warehouse, OrderBatch(), progress)
        return write(self, batch, progress)

    patch.setattr(OrderWriter, "_write", early)


def an_order_that_is_not_there_is_believed_at_once(patch: Patch) -> None:
    patch.setattr(send_once, "may_believe_absence", lambda *_: True)


def a_lost_reply_is_sent_again(patch: Patch) -> None:
    post = GatewayClient.post

    def stubborn(self: GatewayClient, *given: Any, **more: Any) -> Any:
        try:
            return post(self, *given, **more)
        except GatewayUnavailable:
            return post(self, *given, **more)

    patch.setattr(GatewayClient, "post", stubborn)


def nothing_is_recorded_before_it_is_sent(patch: Patch) -> None:
    def unrecorded(self: Bookkeeping, key: str, payload: str, before: Any, columns: Any) -> OpenAttempt:
        return OpenAttempt("send", self._clock(), before)

    patch.setattr(Bookkeeping, "about_to_send", unrecorded)


def one_reading_is_enough_to_take_a_record_for_gone(patch: Patch) -> None:
    def rash(reading: Any, what: str) -> Removal:
        return Removal(Verdict.REMOVE if reading.missing else Verdict.DONE)

    patch.setattr(order_removals, "removal_of", rash)
    patch.setattr(records_import, "removal_of", rash)


def lines_that_cannot_be_had_count_as_none(patch: Patch) -> None:
    add = OrderWriter._add_order

    def careless(self: OrderWriter, order: Any, lines: Any) -> None:
        add(self, order, LinesRead([], "") if isinstance(lines, LinesPending) else lines)

    patch.setattr(OrderWriter, "_add_order", careless)


def an_order_that_changed_is_taken_for_known(patch: Patch) -> None:
    def blind(known: Any, fingerprint: str, **more: Any) -> Any:
        return need_of(known and replace(known, fingerprint=fingerprint), fingerprint, **more)

    patch.setattr("a4s_pipeline.sync.orders.order_pages.need_of", blind)


def the_copy_is_left_as_it_is(patch: Patch) -> None:
    patch.setattr(publish, "_is_current", lambda _, target: target.exists())


DEFECTS: dict[Callable[[Patch], None], int] = {
    the_watermark_is_written_before_the_rows: 49,
    an_order_that_is_not_there_is_believed_at_once: 311,
    a_lost_reply_is_sent_again: 467,
    nothing_is_recorded_before_it_is_sent: 0,
    one_reading_is_enough_to_take_a_record_for_gone: 70,
    lines_that_cannot_be_had_count_as_none: 259,
    an_order_that_changed_is_taken_for_known: 21,
    the_copy_is_left_as_it_is: 1,
}
