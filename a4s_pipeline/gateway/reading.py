"""From raw JSON to records: what can be read is a record, what cannot says why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from a4s_pipeline.gateway.records import WireRecord

R = TypeVar("R", bound=WireRecord)


@dataclass(frozen=True)
class Unreadable:
    """A record that cannot be read: its key where it has one, the reason, and the record as it came."""

    key: str | None
    reason: str
    payload: Any


def read_record(model: type[R], raw: Any, key_field: str, timezone: ZoneInfo) -> R | Unreadable:
    """Read one raw record, or say in one sentence what keeps it from being read."""
    if not isinstance(raw, dict):
        return Unreadable(None, "is no JSON object", raw)
    try:
        return model.model_validate(raw, context={"timezone": timezone})
    except ValidationError as error:
        return Unreadable(_key(raw.get(key_field)), faults_in_words(error), raw)


def _key(value: Any) -> str | None:
    if isinstance(value, str) and value:
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def faults_in_words(error: ValidationError) -> str:
    """Name each fault by its field path and message, without repeating the value."""
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{path_of(fault['loc'])}: {message_of(fault['msg'])}" for fault in faults[:10])


def path_of(location: tuple[int | str, ...]) -> str:
    """Return a field's path, such as `lines.0.quantity`."""
    return ".".join(str(part) for part in location) or "record"


def message_of(text: str) -> str:
    """Return what is wrong with a field, as part of a sentence."""
    message = text.removeprefix("Value error, ")
    return message[0].lower() + message[1:]
