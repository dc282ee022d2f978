"""Texts from elsewhere: whether they have UTF-8 at all, and how they are shown."""

from __future__ import annotations

import re
from decimal import Decimal

# The controls of terminals (C0, DEL, C1), breaks of lines, marks that turn the direction of what follows,
# and halves of surrogate pairs. A name may hold any of them; a terminal would obey them.
_NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NOT_SHOWN_IN_JSON = re.compile(_NOT_SHOWN.pattern.replace("\x00-\x1f", ""))


def has_utf8(text: str) -> bool:
    """Tell whether a text can be stored and sent: half a surrogate pair has no UTF-8."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def on_a_line(text: str) -> str:
    """Return a text as one line that a terminal shows and does not obey: `\\x1b[2J` as these six letters."""
    return _NOT_SHOWN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def json_to_show(document: str) -> str:
    """Return JSON that means the same, and holds nothing that a terminal would obey."""
    # All of these stand within texts, where JSON takes the escape for the letter.
    return _NOT_SHOWN_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def one_line(text: str, longest: int) -> str:
    """Return a text as one line of printable characters, cut where it is longer than that."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(shown.split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def as_code(text: str, longest: int) -> str:
    """Return a text from elsewhere as one line in backticks: the Dagster UI reads Markdown around it."""
    line = one_line(text, longest).replace("`", "'")
    return f"`{line or '?'}`"


def plain_decimal(value: Decimal) -> str:
    """Write a decimal exactly, without exponent and without zeros at its end."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
