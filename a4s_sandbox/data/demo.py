"""The demo's world: an invented Dutch wholesaler, the same on every start."""

import random
from datetime import timedelta

from a4s_sandbox.data.awkward import awkward_orders
from a4s_sandbox.data.catalogue import items, pictures, products
from a4s_sandbox.data.history import history
from a4s_sandbox.data.relations import customers
from a4s_sandbox.world import Administration, World

DEMO_CONNECTORS = {
    "demo": "Demo B.V.",
    "noord": "Café Noord / Groothandel B.V.",
    "zuid": "Kantoor Zuid B.V.",
}
"""AdministrationName by the short name under which the demo configures it."""

_SYNCED_AGO = timedelta(minutes=20)


def demo_world() -> World:
    """Return three administrations; Kantoor Zuid has no focus connector, so no order history."""
    world = World()
    demo = world.add_administration(DEMO_CONNECTORS["demo"], "Exact Globe", _SYNCED_AGO)
    _fill(
        demo,
        "VO",
        "K",
        orders=4000,
        share_of_range=1.0,
        customer_count=150,
        first_line_number=1,
        seed=20220103,
    )
    noord = world.add_administration(DEMO_CONNECTORS["noord"], "AFAS Profit", _SYNCED_AGO)
    _fill(
        noord, "N", "D", orders=600, share_of_range=0.4, customer_count=40, first_line_number=0, seed=20220104
    )
    zuid = world.add_administration(DEMO_CONNECTORS["zuid"], None)
    _fill(zuid, "", "Z", orders=0, share_of_range=0.15, customer_count=20, first_line_number=1, seed=20220105)
    return world


def _fill(
    administration: Administration,
    order_prefix: str,
    customer_prefix: str,
    *,
    orders: int,
    share_of_range: float,
    customer_count: int,
    first_line_number: int,
    seed: int,
) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same data on every start, nothing secret
    range_ = products(share_of_range)
    drawn = pictures(36)
    for digest, picture in drawn.items():
        administration.put_image(digest, picture)
    for item in items(range_, list(drawn), chance):
        administration.put_item(item)
    relations = customers(customer_count, customer_prefix, chance)
    for customer in relations:
        administration.put_customer(customer)
    if not orders:
        return
    for header, lines in history(
        orders, order_prefix, range_, relations, first_line_number=first_line_number, chance=chance
    ):
        administration.put_order(header, lines)
    for header, lines in awkward_orders(relations[0], range_[0].code, first_line_number):
        administration.put_order(header, lines)
