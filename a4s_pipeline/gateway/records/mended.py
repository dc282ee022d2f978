"""Finds the fields of a record with a bad byte or a control character in their text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from a4s_pipeline.gateway.records.drift import Drift, Met, shown_path
from a4s_pipeline.gateway.wire.text import UNREAD

_NOT_AS_IT_CAME = re.compile(f"[{UNREAD}\x00-\x1f]")


def mended_texts(raw: Any) -> Met:
    """Return these fields of a record from an answer that is known to have some."""
    met: Met = {}
    for path, value in _texts("", raw):
        if _NOT_AS_IT_CAME.search(value):
            met.setdefault(Drift(shown_path(path or "record"), "text", "text"), value)
    return met


def _texts(path: str, value: Any) -> Iterator[tuple[str, str]]:
    # No recursion: the sender decides how deep a document is nested.
    left: list[tuple[str, Any]] = [(path, value)]
    while left:
        path, value = left.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            left += [(f"{path}.{name}" if path else name, inner) for name, inner in value.items()]
        elif isinstance(value, list):
            left += [(f"{path}[]", inner) for inner in value]
