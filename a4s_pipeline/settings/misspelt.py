"""Finds variables that look like settings but are not: somebody believes to have set them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches

PREFIX = "A4S_"


def misspelt(names: Iterable[str], known: Collection[str]) -> Iterator[str]:
    """Yield a line for each unknown name that begins with A4S_, with the nearest known name.

    Case does not matter.
    """
    settings = {name.upper() for name in known}
    for name in sorted({name.upper() for name in names}):
        if not name.startswith(PREFIX) or name in settings:
            continue
        nearest = get_close_matches(name, settings, n=1)
        advice = f"did you mean {nearest[0]}?" if nearest else "take it away, or look for it in the README"
        yield f"{name} is not a setting and is ignored: {advice}"
