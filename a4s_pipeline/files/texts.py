"""Checks outside texts for UTF-8, and shows them safely."""

from __future__ import annotations

import re
from decimal import Decimal

# Terminal controls (C0, DEL, C1), line breaks, marks that change the text direction, and halves of surrogate
# pairs. A name may contain any of them; a terminal would obey them.
_NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NOT_SHOWN_IN_JSON = re.compile(_NOT_SHOWN.pattern.replace("\x00-\x1f", ""))


def has_utf8(text: str) -> bool:
    """Tell whether a text can be stored and sent: UTF-8 cannot encode half a surrogate pair."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def on_a_line(text: str) -> str:
    """Return a text as one line that a terminal only shows: `\\x1b[2J` as these seven characters."""
    return _NOT_SHOWN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def json_to_show(document: str) -> str:
    """Return equivalent JSON without anything that a terminal would obey."""
    # All of these occur within texts, where JSON allows an escape.
    return _NOT_SHOWN_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def one_line(text: str, longest: int) -> str:
    """Return a text as one line of printable characters, cut at this length."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(shown.split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def as_code(text: str, longest: int) -> str:
    """Return an outside text as one line in backticks, because the Dagster UI renders Markdown."""
    line = one_line(text, longest).replace("`", "'")
    return f"`{line or '?'}`"


def plain_decimal(value: Decimal) -> str:
    """Write a decimal exactly, without exponent or trailing zeros."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
