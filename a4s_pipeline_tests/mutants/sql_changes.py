"""Changes the models' SQL in one place at a time, where it decides by dates or compares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_HEAD = re.compile(r"\s*/\*.*?\*/", re.DOTALL)
# Neither a remark nor the digits of a type is code to change.
_LEFT_ALONE = re.compile(r"--[^\n]*|DECIMAL\(\d+,\d+\)")
_WORDS = {
    "<=": "<",
    "<": "<=",
    ">=": ">",
    ">": ">=",
    "<>": "=",
    " + ": " - ",
    " - ": " + ",
    "AND": "OR",
    "OR": "AND",
    "IS NULL": "IS NOT NULL",
    "IS NOT NULL": "IS NULL",
    "NOT is_return": "is_return",
    "min(": "max(",
    "max(": "min(",
    "arg_max(": "arg_min(",
    "greatest(": "least(",
    "lead(": "lag(",
    "year(": "isoyear(",
    "isoyear(": "year(",
    "quarter(": "month(",
    "month(": "quarter(",
    "weekofyear(": "month(",
    "isodow(": "dayofweek(",
    "dayofyear(": "day(",
    "'month'": "'quarter'",
    "'week'": "'month'",
    "timezone({zone},": "timezone('UTC',",
    "AS TIMESTAMPTZ": "AS TIMESTAMP",
    "(order_date, ": "(",
    "(orders.order_date, ": "(",
    "ORDER BY day": "ORDER BY day DESC",
    "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING": "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
}


def _as_pattern(word: str) -> str:
    """Return a pattern for a whole word: `<` does not match `<=` or `->`, and `month(` does not match
    `last_month(`.
    """
    if word[0] in "<>":
        return rf"(?<![<>-]){word}(?![<>=])"
    before = r"(?<!\w)" if word[0].isalpha() else ""
    # The AND of a BETWEEN is no operator.
    before += r"(?<!BETWEEN DATE '\d{4}-\d\d-\d\d' )" if word == "AND" else ""
    return before + re.escape(word) + (r"(?!\w)" if word[-1].isalpha() else "")


_WORD = re.compile("|".join(map(_as_pattern, sorted(_WORDS, key=len, reverse=True))))
_NUMBER = re.compile(r"(?<![\w.'\"{-])\d+(?![\w.'\"}-])")
_DAY = re.compile(r"DATE '(\d{4}-\d\d-\d\d)'")
_FIRST_OF = re.compile(r"\bcoalesce\(")


@dataclass(frozen=True)
class Change:
    """One change of a model: its unique name, and the whole text."""

    name: str
    text: str


def changes_of(model: str, text: str) -> Iterator[Change]:
    """Yield each known change of a model."""
    head = _HEAD.match(text)
    start = head.end() if head else 0
    alone = [found.span() for found in _LEFT_ALONE.finditer(text)]
    for first, last, by in sorted(set(_places(text))):
        if first >= start and not any(left < last and first < right for left, right in alone):
            yield Change(_name(model, text, first, last, by), text[:first] + by + text[last:])


def _places(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where a text can be changed, and the replacement."""
    for found in _WORD.finditer(text):
        yield *found.span(), _WORDS[found[0]]
    for found in _NUMBER.finditer(text):
        yield *found.span(), str(int(found[0]) + 1)
    for found in _DAY.finditer(text):
        for days in (-1, 1):
            other = date.fromisoformat(found[1]) + timedelta(days=days)
            yield *found.span(1), other.isoformat()
    for found in _FIRST_OF.finditer(text):
        first, second = _arguments(text, found.end())[:2]
        swapped = f"{text[slice(*second)]}{text[first[1] : second[0]]}{text[slice(*first)]}"
        yield first[0], second[1], swapped


def _arguments(text: str, start: int) -> list[tuple[int, int]]:
    """Return where each argument of a call starts and ends."""
    arguments, depth, begun = [], 0, start
    for place in range(start, len(text)):
        character = text[place]
        if depth == 0 and character in ",)":
            arguments.append(_stripped(text, begun, place))
            begun = place + 1
        if depth == 0 and character == ")":
            return arguments
        depth += (character in "([") - (character in ")]")
    raise ValueError("a call has no end")


def _stripped(text: str, first: int, last: int) -> tuple[int, int]:
    inside = text[first:last]
    first += len(inside) - len(inside.lstrip())
    return first, first + len(inside.strip())


def _name(model: str, text: str, first: int, last: int, by: str) -> str:
    """Name a change by its line, the old text and the new."""
    before = text[text.rfind("\n", 0, first) + 1 : first]
    after = text[last:].partition("\n")[0]
    return " ".join(f"models/{model}.sql: {before}[{text[first:last]} becomes {by}]{after}".split())
