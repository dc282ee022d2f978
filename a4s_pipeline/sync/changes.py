"""What a listed order needs: nothing, or to be had again; a pure decision."""

from __future__ import annotations

from enum import Enum
from hashlib import blake2b
from typing import Any

from a4s_pipeline import exact_json
from a4s_pipeline.warehouse.orders import HeldOrder


class Need(Enum):
    """What is to be done about an order that was listed."""

    NOTHING = "unchanged, lines and all"
    LINES = "unchanged, but its lines are not in"
    NEW = "not held"
    CHANGED = "held with another header"
    AGAIN = "unchanged, but to be read whole"


def need_of(held: HeldOrder | None, fingerprint: str, *, whole: bool, run_id: str) -> Need:
    """Decide what a listed order needs.

    One that was marked removed and is listed again has changed. A whole reading has each order again,
    but once: what the same run wrote is done.
    """
    if held is None:
        return Need.NEW
    if held.fingerprint != fingerprint or held.is_removed:
        return Need.CHANGED
    if not held.has_lines:
        return Need.LINES
    return Need.AGAIN if whole and held.run_id != run_id else Need.NOTHING


def fingerprint_of(record: Any) -> str:
    """Return a hash of a record as it came, whatever the order of its fields."""
    return blake2b(
        exact_json.dumps(record, sort_keys=True).encode("utf-8", "replace"), digest_size=16
    ).hexdigest()
