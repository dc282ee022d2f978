"""The field types that requests share; each says in words what it accepts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

from a4s_pipeline.files.texts import has_utf8
from a4s_pipeline.gateway.records.dates import asked_day, asked_instant
from a4s_pipeline.ondemand.retrieval.cursor import Cursor, read_cursor


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text that is not empty")
    return value


def _stored_text(value: Any) -> str:
    text = _text(value)
    if not has_utf8(text):
        raise ValueError("contains half a character, which UTF-8 cannot encode")
    return text


def _zone(info: ValidationInfo) -> ZoneInfo:
    zone: ZoneInfo = (info.context or {})["timezone"]
    return zone


def _instant(value: Any, info: ValidationInfo) -> datetime:
    return asked_instant(value, _zone(info))


def _day(value: Any, info: ValidationInfo) -> date | None:
    if value is None or type(value) is date:
        return value
    day = asked_day(value, _zone(info))
    if day is None:
        raise ValueError("must be a real ISO 8601 date")
    return day


def whole_number(least: int, most: int) -> PlainValidator:
    """Return a validator for a whole number within bounds; `True` and `1.0` are refused."""

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    schema = {"type": "integer", "minimum": least, "maximum": most}
    return PlainValidator(read, json_schema_input_type=Annotated[int, WithJsonSchema(schema)])


_SCHEMA_OF_TEXT = WithJsonSchema({"type": "string", "minLength": 1})

Text = Annotated[str, PlainValidator(_text), _SCHEMA_OF_TEXT]
"""A text that is not empty."""
StoredText = Annotated[str, PlainValidator(_stored_text), _SCHEMA_OF_TEXT]
"""A text that is not empty and that the store can search for."""
TextFilter = Annotated[str | None, PlainValidator(_stored_text), _SCHEMA_OF_TEXT]
"""As `StoredText`, but optional; null is refused: a session that lost its customer sends it."""
InstantFilter = Annotated[
    datetime | None, PlainValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""A date or a date-time, local to the administration without an offset; optional, but not null."""
After = Annotated[Cursor | None, PlainValidator(read_cursor), _SCHEMA_OF_TEXT]
"""The `next` of the previous page; optional, but not null."""
Day = Annotated[
    date | None, PlainValidator(_day), WithJsonSchema({"type": ["string", "null"], "format": "date"})
]
"""A day, or a date-time for its day in the administration's time zone; null for none."""
