"""Turns records of the wire into rows of the tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from hashlib import blake2b
from typing import Any

from a4s_pipeline.files import exact_json
from a4s_pipeline.gateway.records.reading import Unreadable
from a4s_pipeline.gateway.records.records import WireRecord, is_blank
from a4s_pipeline.warehouse.rows.staging import amount
from a4s_pipeline.warehouse.rows.state import SetAside

_OWN_ATTRIBUTES = "attributes"
# Types that a row takes unchanged: most values have one of them.
_PLAIN = frozenset({str, int, bool, float, type(None)})


@dataclass(frozen=True)
class Stamp:
    """What marks the rows of a run: its connector, run id and time."""

    connector: str
    run_id: str
    at: datetime

    @cached_property
    def written_at(self) -> str:
        """The time as rows contain it."""
        return self.at.isoformat()


class Unstorable(ValueError):
    """A value that cannot be stored; the message names the field and what is wrong."""


def row_of(
    record: WireRecord, stamp: Stamp, *, without: frozenset[str] = frozenset(), path: str = ""
) -> dict[str, Any]:
    """Return the columns of a record under their own names, and what remains as `attributes`.

    `without` names the fields that have tables of their own; `path` is the record's path within another.
    Raises `Unstorable` for a value nested too deeply, and for an amount too large for its column.
    """
    row: dict[str, Any] = dict(record.__dict__)
    for name in without:
        del row[name]
    for name, value in row.items():
        if value.__class__ in _PLAIN:
            continue
        try:
            row[name] = _cell(value)
        except ValueError as fault:
            raise Unstorable(f"{path}{name}: {fault}") from None
    row["attributes"] = attributes_of(record.model_extra) if record.model_extra else None
    row |= stamped(stamp)
    return row


def stamped(stamp: Stamp) -> dict[str, Any]:
    """Return the columns for the connector, the run and the time of writing."""
    return {"connector": stamp.connector, "synced_at": stamp.written_at, "run_id": stamp.run_id}


def attributes_of(extra: Mapping[str, Any]) -> str | None:
    """Return the attributes of a record as JSON, or None without any."""
    return attributes_as_json(merged_attributes(extra))


def attributes_as_json(attributes: Mapping[str, Any]) -> str | None:
    """Return attributes as JSON, or None without any; raises `Unstorable` if nested too deeply."""
    try:
        return exact_json.dumps_to_keep(attributes) if attributes else None
    except exact_json.NestedTooDeeply as fault:
        raise Unstorable(f"attributes: {fault}") from None


def merged_attributes(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Join unknown fields and the record's own `attributes`, which win a clash."""
    own = extra.get(_OWN_ATTRIBUTES)
    if is_blank(own):
        return {name: value for name, value in extra.items() if name != _OWN_ATTRIBUTES}
    if isinstance(own, dict):
        return {name: value for name, value in extra.items() if name != _OWN_ATTRIBUTES} | own
    return dict(extra)


def _cell(value: Any) -> Any:
    if isinstance(value, Decimal):
        return amount(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, dict | list):
        return exact_json.dumps_to_keep(value)
    return value


def set_aside_of(stream: str, unreadable: Unreadable, listed_at: datetime | None) -> SetAside:
    """Return the set-aside row of an unreadable record or part, keyed by its code or a hash of its
    content.
    """
    payload = exact_json.dumps(unreadable.payload)
    # A code may contain half a surrogate pair, which UTF-8 cannot encode and DuckDB does not accept.
    key = (unreadable.key or "").encode("utf-8", "replace").decode()
    key = key or "#" + blake2b(payload.encode("utf-8", "replace"), digest_size=8).hexdigest()
    part = unreadable.part.encode("utf-8", "replace").decode()
    return SetAside(stream, key, unreadable.reason, payload, listed_at, part)
