"""A site's conventions for its numbers, written into the models because a query cannot read settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

DEFAULT_ZONE = ZoneInfo("Europe/Amsterdam")
"""The default time zone of days and months."""

ATTRIBUTE_TYPES = {"text": "VARCHAR", "number": "DECIMAL(18,4)", "flag": "BOOLEAN", "day": "DATE"}
"""The types that an item attribute may have as a column, by the setting's word for each."""


@dataclass(frozen=True)
class Conventions:
    """The time zone, language, currency and calendar of a site: a store replaces its models when they change.

    `item_attributes` names item attributes that become columns of `dim_item`, each with a word of
    `ATTRIBUTE_TYPES`; `customer_group` a customer attribute, or None for the price list; `versions` the
    streams that keep replaced rows.
    """

    zone: ZoneInfo = DEFAULT_ZONE
    language: str = "nl"
    currency: str = "EUR"
    fiscal_year_start: int = 1
    customer_group: str | None = None
    item_attributes: tuple[tuple[str, str], ...] = ()
    versions: Literal["none", "orders", "all"] = "orders"

    def placeholders(self) -> dict[str, str]:
        """Return the replacement for each `{name}` in a model's query: literals and columns, quoted."""
        return {
            "zone": literal(str(self.zone)),
            "language": literal(self.language),
            "currency": literal(self.currency),
            "fiscal_year_start": str(self.fiscal_year_start),
            "customer_group": "price_list"
            if self.customer_group is None
            else f"attributes ->> {literal(_json_path(self.customer_group))}",
            "item_attributes": "".join(
                f", try_cast(max(value_text) FILTER (name = {literal(name)}) AS {ATTRIBUTE_TYPES[word]})"
                f" AS {identifier(name)}"
                for name, word in self.item_attributes
            ),
            "item_attribute_names": "".join(
                f", described.{identifier(name)}" for name, _ in self.item_attributes
            ),
        }

    def words(self) -> dict[str, str]:
        """Return the replacement for each `{name}` in a description."""
        return {
            "zone": str(self.zone),
            "language": self.language,
            "currency": self.currency,
            "fiscal_year_start": str(self.fiscal_year_start),
            "customer_group": "price list" if self.customer_group is None else self.customer_group,
        }


def literal(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a name as SQL writes it, with any characters."""
    return '"' + name.replace('"', '""') + '"'


def _json_path(name: str) -> str:
    return '$."' + name.replace('"', '\\"') + '"'
