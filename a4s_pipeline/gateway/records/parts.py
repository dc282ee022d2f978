"""Mends a raw record that cannot be read as it came: the smallest part that is at fault is left out.

Back offices write "nothing" in many ways: `""` for a number, `false` where Odoo has no value, `[]` for PHP's
empty object, one object where a list of one is meant. And one contact detail without a value must not cost
its customer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from a4s_pipeline.gateway.contract import KIND_OF_TYPE, FieldRule, contract_of, holds_record
from a4s_pipeline.gateway.records.drift import Drift, departure_of
from a4s_pipeline.gateway.records.faults import faults_in_words, path_in_words
from a4s_pipeline.gateway.records.records import WireRecord, is_blank

Path = tuple[int | str, ...]
"""What leads to a part of a record: names as on the wire, and places in lists from 0."""

# MySQL's day that is none.
_ZERO_DATE = "0000-00-00"


@dataclass(frozen=True)
class LeftOut:
    """A part that was left out: its path with places from 1, why, and what it was."""

    part: str
    reason: str
    value: Any


class Document:
    """A raw record while it is mended, and what had to be done to it; the raw record itself stays as it is.

    `unread` are optional values that cannot be read, by their path, and `drifts` those among the values
    mended that are of the right JSON kind, so that no shape tells of them.
    """

    def __init__(self, model: type[WireRecord], raw: dict[str, Any]) -> None:
        self._model = model
        self.content = raw
        self.unread: dict[Path, Any] = {}
        self.left_out: list[LeftOut] = []
        self.drifts: dict[Drift, Any] = {}

    def mend(self, error: ValidationError) -> list[ErrorDetails]:
        """Mend what a validation found; return the faults that cost the record itself.

        Where there are none, it is validated again: what hung below what was mended shows only then.
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
    """Where something may be left out: an optional field with its rule, or an entry, which has none.

    What is vital may be empty, and costs the record where it is not and cannot be read.
    """

    path: Path
    rule: FieldRule | None
    is_part: bool
    is_vital: bool = False


def _smallest_location(model: type[WireRecord], fault: Path) -> _Location | None:
    """Return the smallest thing around a fault that may be left out; None where that is the record."""
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
            is_part = rule.kind == "list" or rule.holds is not None or holds_record(field)
            found = _Location(path, rule, is_part, step in within.useless_without)
            if found.is_vital:
                break
        within = rule.within
    return found


@cache
def _fields(model: type[WireRecord]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def name_of_field(model: type[WireRecord], on_the_wire: str) -> str:
    """Return our name of a field that the contract names."""
    return next(name for name, field in model.model_fields.items() if field.alias == on_the_wire)


def _is_empty(value: Any) -> bool:
    return is_blank(value) or (isinstance(value, str) and value.strip().startswith(_ZERO_DATE))


def _meant_by(value: Any, rule: FieldRule | None) -> Any:
    """Return the list that an object stands for, or the object that a list of one stands for, or None."""
    if rule is None or not value:
        return None
    if rule.kind == "list" and isinstance(value, dict):
        # PHP numbers the entries of a list from which one was taken out.
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
    # A field that is needed and absent is found at fault where nothing is.
    return content.get(step) if isinstance(content, dict) else content[step]


def _holder(content: Any, step: str | int) -> Any:
    """Return what holds the step: a list of one was read as the object that it stands for."""
    return content[0] if isinstance(content, list) and isinstance(step, str) else content


def _with(content: Any, path: Path, value: Any) -> Any:
    """Return the content with another value at a path; what lies beside the path is shared."""
    if not path:
        return value
    copied = _holder(content, path[0]).copy()
    copied[path[0]] = _with(_entry(content, path[0]), path[1:], value)
    return copied


def _drift_path(path: Path) -> str:
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
