"""The columns that each model column is derived from, which Dagster shows as column lineage.

It is a file of the package: the library that derives it takes seconds, and no import should wait for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from a4s_pipeline.models import Conventions
from a4s_pipeline.warehouse.tables import ITEM_ATTRIBUTES

_FILE = "column_lineage.json"

Origin = tuple[str, str]
"""A relation and its column."""
Lineage = Mapping[str, Mapping[str, tuple[Origin, ...]]]
"""The origins of each column, by model and by column."""


@cache
def column_lineage(conventions: Conventions) -> Lineage:
    """Return the package's lineage, with the columns that a site has named itself."""
    text = (files(__package__) / _FILE).read_text(encoding="utf-8")
    known = {
        model: {
            column: tuple((relation, name) for relation, name in origins) for column, origins in of.items()
        }
        for model, of in json.loads(text)["models"].items()
    }
    named = ((ITEM_ATTRIBUTES.name, "value_text"),)
    known["dim_item"] |= {name: named for name, _ in conventions.item_attributes}
    if conventions.customer_group is not None:
        known["dim_customer"]["customer_group"] = (("customers", "attributes"),)
    return known
