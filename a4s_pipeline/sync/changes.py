"""Decides what a listed record needs (nothing, a fetch, or a rewrite): pure functions."""

from __future__ import annotations

from enum import Enum

from a4s_pipeline.warehouse.rows.orders.writing import StoredOrder
from a4s_pipeline.warehouse.rows.records import StoredRecord


class Need(Enum):
    """What to do about a listed order."""

    NOTHING = "unchanged, lines and all"
    LINES = "unchanged, but its lines are not in, or are to be had again"
    NEW = "not stored"
    CHANGED = "stored with another header"
    AGAIN = "unchanged, but to be read whole"


def need_of(stored: StoredOrder | None, fingerprint: str, *, whole: bool, run_id: str) -> Need:
    """Decide what a listed order needs.

    An order that was marked removed and is listed again has changed. A whole reading fetches each order
    again, but only once: orders that the same run wrote are done.
    """
    if stored is None:
        return Need.NEW
    if stored.fingerprint != fingerprint or stored.is_removed:
        return Need.CHANGED
    if not stored.has_lines:
        return Need.LINES
    return Need.AGAIN if whole and stored.run_id != run_id else Need.NOTHING


class Standing(Enum):
    """How a listed item or customer compares with its stored row."""

    NEW = "not stored"
    CHANGED = "stored otherwise, or marked removed"
    UNCHANGED = "stored as it is"


def standing_of(stored: StoredRecord | None, fingerprint: str) -> Standing:
    """Decide how a listed item or customer compares with its stored row."""
    if stored is None:
        return Standing.NEW
    if stored.fingerprint != fingerprint or stored.is_removed:
        return Standing.CHANGED
    return Standing.UNCHANGED
