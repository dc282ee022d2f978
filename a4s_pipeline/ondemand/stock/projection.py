"""Projects an item's stock to a day: pure and exact.

The rule is the vendor's: shelf stock, less what is to be delivered, plus the deliveries dated up to and
including the day. Past deliveries count; entries without a real date never do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal

from a4s_pipeline.gateway.records.stock_records import Stock

# Sums of any decimals the wire can carry stay exact; the default context would round at 28 digits.
_EXACT = Context(prec=400)


@dataclass(frozen=True)
class Projection:
    """The projected stock of a day, and its components."""

    day: date
    projected: Decimal
    shelf_stock: Decimal
    to_be_delivered: Decimal
    incoming: Decimal
    entries_without_date: int


def project(stock: Stock, day: date) -> Projection:
    """Return the projected stock of a day."""
    incoming = Decimal(0)
    for delivery in stock.deliveries:
        if delivery.date is not None and delivery.date <= day:
            incoming = _EXACT.add(incoming, delivery.quantity)
    there = _EXACT.subtract(stock.shelf_stock, stock.to_be_delivered)
    return Projection(
        day,
        _EXACT.add(there, incoming),
        stock.shelf_stock,
        stock.to_be_delivered,
        incoming,
        sum(delivery.date is None for delivery in stock.deliveries),
    )


def project_until(stock: Stock, start: date, until: date) -> list[Projection]:
    """Return the projection on `start`, and on each later day up to `until` on which it changes."""
    days = {
        delivery.date
        for delivery in stock.deliveries
        if delivery.date is not None and start < delivery.date <= until
    }
    projections = [project(stock, start)]
    for day in sorted(days):
        projection = project(stock, day)
        if projection.projected != projections[-1].projected:
            projections.append(projection)
    return projections
