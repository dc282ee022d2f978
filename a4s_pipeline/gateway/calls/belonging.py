"""Whether an answer is to the question that was asked, by what it says of itself: pure decisions.

The connection keeps answers and questions together; this does not rely on it. Each raises `ValueError`
where an answer names another record than was asked for: it is no answer then.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

_ZEROS = re.compile(r"0+(?=\d)")


def is_same_code(told: Any, asked: str) -> bool:
    """Tell whether a reply means the code that was asked for.

    Back offices compare codes without regard to case and to blanks around them, and tell them as they
    hold them; one that keeps codes as numbers tells 7 where `007` was asked for.
    """
    if isinstance(told, int) and not isinstance(told, bool):
        return str(told) == _ZEROS.sub("", asked.strip(), count=1) or str(told) == asked.strip()
    return isinstance(told, str) and _folded(told) == _folded(asked)


def _folded(code: str) -> str:
    return unicodedata.normalize("NFC", code).strip().casefold()


def require_code(raw: Any, field: str, asked: str) -> None:
    """Require that a record which names a code names the one that was asked for."""
    told = raw.get(field) if isinstance(raw, dict) else None
    if _is_named(told) and not is_same_code(told, asked):
        raise ValueError(f"its {field} is another than was asked for")


def require_lines_of(lines: Iterable[Any], asked: str) -> None:
    """Require that lines which name orders name the one that was asked for.

    One of them is enough: a line of an invoice may name the order that it comes from.
    """
    told = [line.get("orderCode") for line in lines if isinstance(line, dict)]
    named = [code for code in told if _is_named(code)]
    if named and not any(is_same_code(code, asked) for code in named):
        raise ValueError("its lines are those of another order than was asked for")


def _is_named(told: Any) -> bool:
    return isinstance(told, str | int) and not isinstance(told, bool) and told != ""


class PageNumbers:
    """The page numbers that a listing tells: as they are asked for, or counted from 1 all through.

    Whether a gateway counts from 1 shows where it tells 1 for page 0 twice in a row. Once it does, or told
    a page by the number that was asked for, it is held to that.
    """

    def __init__(self) -> None:
        self._first: int | None = None
        self._may_be_from_one = False

    def require(self, told: Any, asked: int) -> None:
        """Require that a page which tells its number tells that of the page that was asked for."""
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
