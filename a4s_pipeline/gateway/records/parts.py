"""Mends a raw record that cannot be read: leaves out the smallest faulty part.

Back offices write "nothing" in many ways: `""` for a number, Odoo's `false`, PHP's `[]` for an empty object;
and one object for a list of one. One contact detail without a value must not cost its customer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from a4s_pipeline.gateway.records.contract import KIND_OF_TYPE, FieldRule, contract_of, holds_record
from a4s_pipeline.gateway.records.drift import Drift, departure_of
from a4s_pipeline.gateway.records.faults import faults_in_words, path_in_words
from a4s_pipeline.gateway.records.records import WireRecord, is_blank

Path = tuple[int | str, ...]
"""The path to a part of a record: names as on the wire, and list indexes from 0."""

# MySQL's empty date.
_ZERO_DATE = "0000-00-00"


@dataclass(frozen=True)
class LeftOut:
    """A part that was left out: its path counted from 1, the reason, and the part itself."""

    part: str
    reason: str
    value: Any


class Document:
    """A raw record being mended, and the changes made; the original stays as it is.

    `unread` are optional values that cannot be read, by path; `drifts` are mended values of the right JSON
    kind, which no shape shows.
    """

    def __init__(self, model: type[WireRecord], raw: dict[str, Any]) -> None:
        self._model = model
        self.content = raw
        self.unread: dict[Path, Any] = {}
        self.left_out: list[LeftOut] = []
        self.drifts: dict[Drift, Any] = {}

    def mend(self, error: ValidationError) -> list[ErrorDetails]:
        """Mend what a validation found; return the faults that cost the record itself.

        If there are none, validate again: faults below what was mended show only then.
        """
        hopeless: list[ErrorDetails] = []
        at: dict[_Location, list[ErrorDetails]] = {}
        for fault in error.errors(include_url=False, include_input=False, include_context=False):
            location = _smallest_location(self._model, fault["loc"])
            if location is None or (location.is_vital and not self._means_nothing_or_one(location)):
                hopeless.append(fault)
            else:
                at.setdefault(location, []).append(fault)
        mended: list[Path] = []
        for location in sorted(at, key=lambda location: len(location.path)):
            if not any(location.path[: len(path)] == path for path in mended):
                mended.append(location.path)
                self._mend(location, at[location])
        return hopeless

    def _means_nothing_or_one(self, location: _Location) -> bool:
        value = _value_at(self.content, location.path)
        return _is_empty(value) or _meant_by(value, location.rule) is not None

    def _mend(self, location: _Location, faults: Sequence[ErrorDetails]) -> None:
        value = _value_at(self.content, location.path)
        meant = _meant_by(value, location.rule)
        if meant is not None:
            self._replace(location.path, meant)
            return
        is_empty = _is_empty(value)
        if not is_empty and location.is_part:
            self.left_out.append(LeftOut(path_in_words(location.path), faults_in_words(faults), value))
        elif location.rule is not None:
            kind = KIND_OF_TYPE[type(value)]
            if departure_of(location.rule, kind) is None:
                self.drifts[Drift(_drift_path(location.path), "value", kind)] = value
            if not is_empty:
                self.unread[location.path] = value
        self._replace(location.path, None)

    def _replace(self, path: Path, value: Any) -> None:
        self.content = _with(self.content, path, value)


@dataclass(frozen=True)
class _Location:
    """What may be left out: an optional field with its rule, or an entry, which has none.

    A vital field may be empty, but costs the record if it has a value that cannot be read.
    """

    path: Path
    rule: FieldRule | None
    is_part: bool
    is_vital: bool = False


def _smallest_location(model: type[WireRecord], fault: Path) -> _Location | None:
    """Return the smallest part around a fault that may be left out; None if that is the record."""
    found: _Location | None = None
    within: type[WireRecord] | None = model
    for depth, step in enumerate(fault, start=1):
        path = fault[:depth]
        if isinstance(step, int) or within is None:
            found = _Location(path, None, is_part=True)
            continue
        field = _fields(within).get(step)
        if field is None:
            break
        rule = contract_of(within)[step]
        if not field.is_required():
            is_part = rule.kind == "list" or rule.kind_of_values is not None or holds_record(field)
            found = _Location(path, rule, is_part, step in within.useless_without)
            if found.is_vital:
                break
        within = rule.within
    return found


@cache
def _fields(model: type[WireRecord]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def name_of_field(model: type[WireRecord], on_the_wire: str) -> str:
    """Return our name for a field of the contract."""
    return next(name for name, field in model.model_fields.items() if field.alias == on_the_wire)


def _is_empty(value: Any) -> bool:
    return is_blank(value) or (isinstance(value, str) and value.strip().startswith(_ZERO_DATE))


def _meant_by(value: Any, rule: FieldRule | None) -> Any:
    """Return the list that an object stands for, or the object in a list of one, or None."""
    if rule is None or not value:
        return None
    if rule.kind == "list" and isinstance(value, dict):
        # PHP sends a list with a removed entry as an object with numbers as names.
        is_numbered = all(name.isascii() and name.isdigit() for name in value)
        return list(value.values()) if is_numbered else [value]
    if rule.kind == "object" and isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return value[0]
    return None


def _value_at(content: Any, path: Path) -> Any:
    for step in path:
        content = _entry(content, step)
    return content


def _entry(content: Any, step: str | int) -> Any:
    content = _holder(content, step)
    # The path of a missing required field leads to nothing.
    return content.get(step) if isinstance(content, dict) else content[step]


def _holder(content: Any, step: str | int) -> Any:
    """Return the container of the step: a list of one was read as its object."""
    return content[0] if isinstance(content, list) and isinstance(step, str) else content


def _with(content: Any, path: Path, value: Any) -> Any:
    """Return the content with another value at a path; everything off the path is shared."""
    if not path:
        return value
    copied = _holder(content, path[0]).copy()
    copied[path[0]] = _with(_entry(content, path[0]), path[1:], value)
    return copied


def _drift_path(path: Path) -> str:
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
