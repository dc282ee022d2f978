"""A connector in A4S_CONNECTORS: its AdministrationName, and which streams are imported."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from a4s_pipeline.files.texts import has_utf8

STREAMS = ("items", "customers", "orders")
"""The streams of a connector, in the order in which they are imported."""

_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_KEYS = ("administration", "streams")


@dataclass(frozen=True)
class Connector:
    """One connection of the App4Sales Platform: its AdministrationName, to the letter, and its streams."""

    administration: str
    streams: tuple[str, ...] = STREAMS

    def imports(self, stream: str) -> bool:
        """Tell whether this stream is imported."""
        return stream in self.streams


def read_connectors(value: Any) -> dict[str, Connector]:
    """Read A4S_CONNECTORS, as JSON text or as an object; raises ValueError with what is wrong."""
    if isinstance(value, str):
        try:
            value = json.loads(value, object_pairs_hook=unique_pairs)
        except (json.JSONDecodeError, RecursionError):
            raise ValueError(
                'must be a JSON object of name to AdministrationName, such as {"demo": "Demo B.V."}'
            ) from None
    if not isinstance(value, dict) or not value:
        raise ValueError("must be a JSON object that names at least one connector")
    return {name: _connector(name, given) for name, given in value.items()}


def unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the content of a JSON object; raises ValueError if it has a name twice."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"names {name!r} twice")
    return dict(pairs)


def _connector(name: str, given: Any) -> Connector:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a connector name: use up to 64 lower-case letters, digits, _ and -"
        )
    if isinstance(given, Connector):
        return given
    if not isinstance(given, dict):
        return Connector(_administration(name, given))
    if unknown := [key for key in given if key not in _KEYS]:
        raise ValueError(f"{name!r} has an unknown key {unknown[0]!r}; there are {_listed(_KEYS)}")
    administration = _administration(name, given.get("administration"))
    return Connector(administration, _streams(name, given["streams"]) if "streams" in given else STREAMS)


def _administration(name: str, given: Any) -> str:
    if not isinstance(given, str) or not given:
        raise ValueError(f"{name!r} needs an AdministrationName, a text that is not empty")
    if given in (".", "..") or not has_utf8(given):
        raise ValueError(f"{name!r}: the AdministrationName {given!r} cannot be put in a path")
    return given


def _streams(name: str, given: Any) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not given:
        raise ValueError(f"{name!r}: streams must be a list of at least one of {_listed(STREAMS)}")
    for stream in given:
        if stream not in STREAMS:
            raise ValueError(f"{name!r} names an unknown stream {stream!r}; there are {_listed(STREAMS)}")
    return tuple(stream for stream in STREAMS if stream in given)


def _listed(names: Collection[str]) -> str:
    return ", ".join(names)
