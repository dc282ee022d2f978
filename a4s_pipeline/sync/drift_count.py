"""Counts the records that depart from the contract, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from a4s_pipeline.gateway.calls.masking import masked
from a4s_pipeline.gateway.records.contract import KIND_OF_TYPE
from a4s_pipeline.gateway.records.customer_records import Customer
from a4s_pipeline.gateway.records.drift import Drift, DriftFinder, Met
from a4s_pipeline.gateway.records.item_records import Item
from a4s_pipeline.gateway.records.mended import mended_texts
from a4s_pipeline.gateway.records.reading import unread_of
from a4s_pipeline.gateway.records.records import OrderHeader, OrderLine, Status, WireRecord
from a4s_pipeline.warehouse.rows.drift import FieldDrift
from a4s_pipeline.warehouse.rows.orders.writing import LINES_STREAM, STREAM
from a4s_pipeline.warehouse.rows.records import CUSTOMER_TABLES, ITEM_TABLES


def drifts_of_status(status: Status) -> Met:
    """Return the unreadable fields of a status, which cost no order, as fields of `status`."""
    return {
        Drift(f"status.{name}", "value", KIND_OF_TYPE[type(value)]): value
        for name, value in unread_of(status).items()
    }


# Unknown names come from outside without limit; the contract's own are few.
_MOST_UNKNOWN_FIELDS = 200
THE_OTHERS = "…"
"""The field under which further unknown fields of a stream are counted."""

_MODELS: Mapping[str, type[WireRecord]] = {
    STREAM: OrderHeader,
    LINES_STREAM: OrderLine,
    ITEM_TABLES.stream: Item,
    CUSTOMER_TABLES.stream: Customer,
}


@dataclass
class _Count:
    """How many records drift in one way: in finished listings, and in the current one."""

    example: str | None
    earlier: int = 0
    most: int = 0
    in_reading: int = 0

    @property
    def of_listing(self) -> int:
        return max(self.most, self.in_reading)


class _StreamDrift:
    """The drift of one stream in one run."""

    def __init__(self, stream: str, model: type[WireRecord]) -> None:
        self._stream = stream
        self._finder = DriftFinder(model)
        self._lock = Lock()
        self._counts: dict[Drift, _Count] = {}
        self._unknown: set[str] = set()
        self._listing: object = None

    def begin(self, listing: object) -> None:
        with self._lock:
            is_again = listing is self._listing
            self._listing = listing
            for count in self._counts.values():
                if is_again:
                    count.most = count.of_listing
                else:
                    count.earlier, count.most = count.earlier + count.of_listing, 0
                count.in_reading = 0

    def add(self, raw: Any) -> None:
        self.note(self._finder.drifts_of(raw))

    def note(self, met: Met) -> None:
        if not met:
            return
        with self._lock:
            for drift, value in self._within_bounds(met).items():
                count = self._counts.get(drift)
                if count is None:
                    count = self._counts[drift] = _Count(masked(value))
                count.in_reading += 1

    def _within_bounds(self, met: Met) -> Met:
        # In one dictionary, so that a record with many fields over the limit counts once.
        return {self._bounded(drift): value for drift, value in met.items()}

    def _bounded(self, drift: Drift) -> Drift:
        if drift.drift != "unknown" or drift.field in self._unknown:
            return drift
        if len(self._unknown) >= _MOST_UNKNOWN_FIELDS:
            return drift._replace(field=THE_OTHERS)
        self._unknown.add(drift.field)
        return drift

    def so_far(self) -> list[FieldDrift]:
        with self._lock:
            found = [
                FieldDrift(self._stream, *drift, count.example, count.earlier + count.of_listing)
                for drift, count in self._counts.items()
            ]
        return sorted(found, key=lambda one: (one.drift == "unknown", -one.records, one.field, one.found))


class DriftCount:
    """The drift of one run in every stream that it reads; safe for threads."""

    def __init__(self) -> None:
        self._streams = {stream: _StreamDrift(stream, model) for stream, model in _MODELS.items()}

    def begin(self, stream: str, listing: object) -> None:
        """Start a reading of a listing, or another reading of the same one.

        Of several readings of one listing, the largest count is used: a record that is read six times is
        still one record.
        """
        self._streams[stream].begin(listing)

    def add(self, stream: str, records: Iterable[Any], *, is_mended: bool = False) -> None:
        """Count records as received; `is_mended` tells that some of their text had to be repaired."""
        count = self._streams[stream]
        for raw in records:
            count.add(raw)
            if is_mended:
                count.note(mended_texts(raw))

    def note(self, stream: str, met: Mapping[Drift, Any]) -> None:
        """Count the drifts of one record that its shape does not show."""
        if met:
            self._streams[stream].note(dict(met))

    def so_far(self) -> list[FieldDrift]:
        """Return the counts by stream: faults before fields that are only new, frequent ones first."""
        return [one for stream in self._streams.values() for one in stream.so_far()]
