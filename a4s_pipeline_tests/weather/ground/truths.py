"""What must hold of a warehouse after every sync, however it ended and in any weather."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from a4s_pipeline_tests.sync.conftest import Site
from a4s_pipeline_tests.weather.ground.ground import doubled
from a4s_pipeline_tests.weather.ground.source import Source


@dataclass(frozen=True)
class Held:
    """One stored order: the versions of its header and of its lines."""

    version: int
    at: datetime
    is_removed: bool
    has_lines: bool
    lines_versions: tuple[int, ...]


def watermark_of(site: Site) -> datetime | None:
    """Return the orders' watermark; None before their first sync."""
    rows = site.query("SELECT watermark FROM sync_state WHERE stream = 'orders'")
    watermark: datetime | None = rows[0][0] if rows else None
    return watermark


def held_orders(site: Site) -> dict[str, Held]:
    """Return every stored order, removed ones too."""
    lines: dict[str, list[int]] = {}
    for code, version in site.query("SELECT order_code, description::INT FROM order_lines"):
        lines.setdefault(code, []).append(version)
    rows = site.query(
        "SELECT order_code, reference::INT, order_date, removed_at IS NOT NULL, lines_synced_at IS NOT NULL"
        " FROM orders"
    )
    held = {
        code: Held(version, at, is_removed, has_lines, tuple(lines.pop(code, ())))
        for code, version, at, is_removed, has_lines in rows
    }
    assert lines == {}, "lines without an order"
    return held


def assert_all_lines_or_none(held: dict[str, Held], source: Source) -> None:
    """Each order has all lines of one version, no older than its header, or none."""
    for code, order in held.items():
        oldest = source.first_lines_of[code, order.version]
        if not order.lines_versions:
            possible = [n for (of, v), n in source.lines_in.items() if of == code and v >= oldest]
            assert not order.has_lines or 0 in possible, f"{code} has no lines, and says they are in"
            continue
        (version,) = set(order.lines_versions)
        assert len(order.lines_versions) == source.lines_in[code, version], f"{code} has some of its lines"
        assert version >= oldest, f"{code} has lines older than its header"


def assert_records_are_whole(site: Site) -> None:
    """Each item has the names, and each customer the contact details, that came with it."""
    halves = site.query(
        "SELECT item_code FROM items WHERE [family_code, family_code] IS DISTINCT FROM"
        " (SELECT list(name) FROM item_names WHERE item_names.item_code = items.item_code)"
        " UNION ALL SELECT customer_code FROM customers WHERE [website, website] IS DISTINCT FROM"
        " (SELECT list(value) FROM customer_contact_details AS details"
        "  WHERE details.customer_code = customers.customer_code)"
    )
    assert halves == []


def assert_nothing_doubled(site: Site) -> None:
    """No key is stored twice."""
    assert doubled(site) == []


def passed_by(watermark: datetime | None, held: dict[str, Held], source: Source, late: set[str]) -> set[str]:
    """Return what is listed before the watermark, readable, not late, and not stored.

    The next sync reads from the watermark on, so that another order of that very instant is not passed.
    """
    return {
        code
        for code, order in source.there.items()
        if order.is_readable and watermark is not None and order.at < watermark
        if code not in late and code not in held
    }


def unlike_source(
    held: dict[str, Held], source: Source, but: set[str], since: datetime, until: datetime | None = None
) -> dict[str, str]:
    """Return the orders of a span whose rows differ from the source, and how."""
    found: dict[str, str] = {}
    for code, order in source.there.items():
        is_asked = order.at >= since and (until is None or order.at < until)
        if not is_asked or not order.is_readable or code in but:
            continue
        if code not in held:
            found[code] = "lost"
        elif held[code].version != order.version:
            found[code] = "held in an old version"
        elif held[code].is_removed:
            found[code] = "there, and marked removed"
        elif held[code].has_lines != order.has_readable_lines:
            found[code] = "without lines"
    return found


def assert_read_whole(held: dict[str, Held], source: Source, but: set[str]) -> None:
    """After a complete, finished reading: lines equal the source's, and removed records are marked."""
    for code, order in held.items():
        if code in but:
            continue
        there = source.there.get(code)
        if there is not None and not there.is_readable:
            continue  # it stays as it was when it could be read, marked or not
        assert order.is_removed == (there is None), f"{code}: removed {order.is_removed}"
        if there is not None and there.flaw is None:
            assert set(order.lines_versions) <= {there.lines_version}, f"{code} has old lines"


def start_of_span(watermark: datetime | None, lookback_days: int, since: datetime) -> datetime:
    """Return the latest order date from which an incremental sync may read.

    Its days are days on the calendar, which daylight saving makes an hour shorter.
    """
    return since if watermark is None else watermark - timedelta(days=lookback_days) + timedelta(hours=2)
