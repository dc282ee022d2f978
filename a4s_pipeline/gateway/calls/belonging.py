"""Decides from an answer's content whether it belongs to the question asked: pure functions.

The connection pairs answers with questions too; this does not rely on it. Each function raises `ValueError`
if an answer names another record than the one asked for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

_ZEROS = re.compile(r"0+(?=\d)")


def is_same_code(told: Any, asked: str) -> bool:
    """Tell whether the code in a reply is the one asked for.

    Back offices ignore case and surrounding blanks when they compare codes, and answer with their own
    spelling; one that stores codes as numbers answers 7 for `007`.
    """
    if isinstance(told, int) and not isinstance(told, bool):
        return str(told) == _ZEROS.sub("", asked.strip(), count=1) or str(told) == asked.strip()
    return isinstance(told, str) and _folded(told) == _folded(asked)


def _folded(code: str) -> str:
    return unicodedata.normalize("NFC", code).strip().casefold()


def require_code(raw: Any, field: str, asked: str) -> None:
    """Require that a record's code, if it has one, is the one asked for."""
    told = raw.get(field) if isinstance(raw, dict) else None
    if _is_named(told) and not is_same_code(told, asked):
        raise ValueError(f"its {field} is not the one asked for")


def require_lines_of(lines: Iterable[Any], asked: str) -> None:
    """Require that the order codes of lines, if they have any, include the one asked for.

    One is enough: a line of an invoice may name the order it comes from.
    """
    told = [line.get("orderCode") for line in lines if isinstance(line, dict)]
    named = [code for code in told if _is_named(code)]
    if named and not any(is_same_code(code, asked) for code in named):
        raise ValueError("its lines belong to another order")


def _is_named(told: Any) -> bool:
    return isinstance(told, str | int) and not isinstance(told, bool) and told != ""


class PageNumbers:
    """The page numbers a listing returns: those asked for, or counted from 1 throughout.

    A gateway that returns 1 for page 0 twice in a row counts from 1. Once it has shown which way it counts,
    its later pages must count the same way.
    """

    def __init__(self) -> None:
        self._first: int | None = None
        self._may_be_from_one = False

    def require(self, told: Any, asked: int) -> None:
        """Require that a page's number, if it has one, is the one asked for."""
        number = _number(told)
        if number is None:
            return
        first = number - asked
        is_from_one = self._first is None and first == 1 and self._may_be_from_one
        if first != (self._first or 0) and not is_from_one:
            self._may_be_from_one = first == 1
            raise ValueError(f"it is page {number}, and page {asked} was asked for")
        self._first = first


def _number(told: Any) -> int | None:
    if isinstance(told, str) and told.strip().isascii() and told.strip().isdigit():
        return int(told.strip()[:9])
    return told if isinstance(told, int) and not isinstance(told, bool) else None
