"""Turns raw JSON into records, or says why a value is not one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from a4s_pipeline.gateway.records.drift import Drift
from a4s_pipeline.gateway.records.faults import faults_in_words
from a4s_pipeline.gateway.records.parts import Document, Path, name_of_field
from a4s_pipeline.gateway.records.records import WireRecord

R = TypeVar("R", bound=WireRecord)

# Each pass mends one level; the deepest is a contact detail of a customer's contact person.
_MOST_PASSES = 8


@dataclass(frozen=True)
class Unreadable:
    """What cannot be read: the record's key if it has one, the reason, and the value as received.

    `part` is the path of a part left out of its record, counted from 1, such as `contactPersons.2`; it is
    empty if the record itself cannot be read.
    """

    key: str | None
    reason: str
    payload: Any
    part: str = ""


def unread_of(record: WireRecord) -> dict[str, Any]:
    """Return the record's unreadable optional values by their names on the wire."""
    names = {field.alias for field in type(record).model_fields.values()}
    return {name: value for name, value in (record.model_extra or {}).items() if name in names}


class RecordRead(NamedTuple, Generic[R]):
    """The result of reading a raw record: the record, the parts left out, and its drifts.

    `drifts` are values of the right JSON kind that cannot be read, each with its value.
    """

    record: R | Unreadable
    parts: tuple[Unreadable, ...] = ()
    drifts: Mapping[Drift, Any] = MappingProxyType({})


def read_record(model: type[R], raw: Any, key_field: str, timezone: ZoneInfo) -> R | Unreadable:
    """Read one raw record, or say in one sentence why it cannot be read."""
    return read_in_parts(model, raw, key_field, timezone).record


def read_in_parts(model: type[R], raw: Any, key_field: str, timezone: ZoneInfo) -> RecordRead[R]:
    """Read as much of one raw record as possible.

    An optional field that is empty in another way becomes null. One that cannot be read becomes null too, and
    stays among the extras as received. A useless part is left out. Without its key or another required field,
    it is not a record.
    """
    if not isinstance(raw, dict):
        return RecordRead(Unreadable(None, "is not a JSON object", raw))
    try:
        return RecordRead(_validated(model, raw, timezone))
    except ValidationError as error:
        return _mended(model, raw, _key(raw.get(key_field)), timezone, error)


def _validated(model: type[R], raw: Any, timezone: ZoneInfo) -> R:
    return model.model_validate(raw, context={"timezone": timezone})


def _mended(
    model: type[R], raw: Any, key: str | None, timezone: ZoneInfo, error: ValidationError
) -> RecordRead[R]:
    document = Document(model, raw)
    for _ in range(_MOST_PASSES):
        hopeless = document.mend(error)
        if hopeless:
            return RecordRead(Unreadable(key, faults_in_words(hopeless), raw))
        try:
            record = _validated(model, document.content, timezone)
        except ValidationError as remaining:
            error = remaining
            continue
        for path, value in document.unread.items():
            _keep(record, path, value)
        parts = tuple(Unreadable(key, left.reason, left.value, left.part) for left in document.left_out)
        return RecordRead(record, parts, document.drifts)
    return RecordRead(Unreadable(key, faults_in_words(error.errors()), raw))


def _keep(record: Any, path: Path, value: Any) -> None:
    """Put an unreadable value among the extras of its owner, unless that was left out."""
    *way, name = path
    for step in way:
        record = record[step] if isinstance(step, int) else getattr(record, name_of_field(type(record), step))
        if record is None:
            return
    record.model_extra[name] = value


def _key(value: Any) -> str | None:
    if isinstance(value, str) and value:
        return value
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
