"""Finds where a raw record departs from the contract: pure functions of its shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from a4s_pipeline.gateway.records.contract import KIND_OF_TYPE, FieldRule, JsonKind, contract_of
from a4s_pipeline.gateway.records.records import WireRecord

Departure = Literal["unknown", "missing", "kind", "text", "value"]
"""The contract does not name the field; a required field is absent or null; its JSON kind is another; it has
a byte or control character that JSON forbids; or it has the right kind and still cannot be read, which
`read_in_parts` finds and no shape shows.
"""

_LONGEST_FIELD = 80
# Names come from outside in any length and number: at most 2 MB of them are cached for each model.
_MOST_SHAPES = 1000
_LARGEST_SHAPE = 2000


class Drift(NamedTuple):
    """One way in which a record departs from the contract; `field` is a path, such as `stock.shelfStock`."""

    field: str
    drift: Departure
    found: JsonKind


Met = dict[Drift, Any]
"""Each drift of a record once, with the first value found there, which must not be shown."""


class _Shape(NamedTuple):
    """What all records with the same names and kinds of values have in common."""

    drifts: tuple[tuple[Drift, str], ...] = ()
    within: tuple[tuple[str, _Within], ...] = ()


class DriftFinder:
    """Finds where records of one model depart from the contract.

    The result depends only on the shape of a record, and most shapes repeat: those cost one look-up. Safe for
    threads.
    """

    def __init__(self, model: type[WireRecord]) -> None:
        self._record = _Record("", model)

    def drifts_of(self, raw: Any) -> Met:
        """Return where a record departs from the contract; unknown fields are not searched."""
        met: Met = {}
        self._record.look_at(raw, met)
        return met


class _Record:
    """The records of one model at one `path`, which is empty for the record itself."""

    def __init__(self, path: str, model: type[WireRecord]) -> None:
        self._path = path
        self._rules = contract_of(model)
        self._required = frozenset(name for name, rule in self._rules.items() if rule.is_required)
        self._within = {name: _within(self._field(name), rule) for name, rule in self._rules.items()}
        self._shapes: dict[tuple[Any, ...], _Shape] = {}

    def look_at(self, raw: Any, met: Met) -> None:
        if raw.__class__ is not dict:
            # Readers call it that too: `path_of` in faults.py.
            met.setdefault(Drift(shown_path(self._path or "record"), "kind", KIND_OF_TYPE[type(raw)]), raw)
            return
        key = (*raw, *map(type, raw.values()))
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._learn(key, raw)
        for drift, name in shape.drifts:
            met.setdefault(drift, raw.get(name))
        for name, within in shape.within:
            within.look_at(raw[name], met)

    def _learn(self, key: tuple[Any, ...], raw: Mapping[str, Any]) -> _Shape:
        kinds = {name: KIND_OF_TYPE[type(value)] for name, value in raw.items()}
        within = tuple(
            (name, inside)
            for name, inside in self._within.items()
            if inside is not None and kinds.get(name) == self._rules[name].kind
        )
        shape = _Shape(tuple(self._drifts(kinds)), within)
        if len(self._shapes) < _MOST_SHAPES and sum(map(len, raw), len(key)) <= _LARGEST_SHAPE:
            self._shapes[key] = shape
        return shape

    def _drifts(self, kinds: Mapping[str, JsonKind]) -> list[tuple[Drift, str]]:
        drifts = []
        for name, kind in kinds.items():
            departure = departure_of(self._rules.get(name), kind)
            if departure is not None:
                drifts.append((Drift(self._field(name), departure, kind), name))
        absent = sorted(self._required - kinds.keys())
        return drifts + [(Drift(self._field(name), "missing", "nothing"), name) for name in absent]

    def _field(self, name: str) -> str:
        return shown_path(f"{self._path}.{name}" if self._path else name or '""')


def departure_of(rule: FieldRule | None, found: JsonKind) -> Departure | None:
    """Decide whether a field that is present departs from the contract."""
    if rule is None:
        return "unknown"
    if found == "nothing":
        return "missing" if rule.is_required else None
    return None if found == rule.kind else "kind"


class _Records:
    """A list of records."""

    def __init__(self, path: str, model: type[WireRecord]) -> None:
        self._record = _Record(f"{path}[]", model)

    def look_at(self, raw: list[Any], met: Met) -> None:
        for entry in raw:
            self._record.look_at(entry, met)


class _FreeNames:
    """An object with free names and values of one kind, or null."""

    def __init__(self, path: str, kind: JsonKind) -> None:
        self._field = f"{path}.*"
        self._kind = kind

    def look_at(self, raw: dict[str, Any], met: Met) -> None:
        for value in raw.values():
            found = KIND_OF_TYPE[type(value)]
            if found not in {self._kind, "nothing"}:
                met.setdefault(Drift(self._field, "kind", found), value)


_Within = _Record | _Records | _FreeNames


def _within(path: str, rule: FieldRule) -> _Within | None:
    if rule.kind_of_values is not None:
        return _FreeNames(path, rule.kind_of_values)
    if rule.within is None:
        return None
    return (_Records if rule.kind == "list" else _Record)(path, rule.within)


def shown_path(field: str) -> str:
    """Return a path in a form that may be shown: outside names may have any length and characters."""
    cut = field if len(field) <= _LONGEST_FIELD else field[: _LONGEST_FIELD - 1] + "…"
    return cut if cut.isprintable() else "".join(c if c.isprintable() else "?" for c in cut)
