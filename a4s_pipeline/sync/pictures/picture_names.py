"""Names the files of pictures: pure functions; no hash leads to a path outside the folder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,128}")


def stem_of(image_hash: str) -> str:
    """Return the name of a picture's file without its extension.

    A hash that is a plain name is the name. Any other is stored under a hash of itself with a dot, so it
    cannot equal a plain one.
    """
    if _PLAIN.fullmatch(image_hash):
        return image_hash
    return f"sha256.{sha256(image_hash.encode('utf-8', 'surrogatepass')).hexdigest()}"


def stored_stems(file_names: Iterable[str]) -> set[str]:
    """Return the stems of the pictures in a folder, without files still being written."""
    return {name.rpartition(".")[0] for name in file_names if not name.startswith(".")}
