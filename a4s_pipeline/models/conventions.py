"""What a site chooses for all of its numbers: written into the models, because a query knows no settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

DEFAULT_ZONE = ZoneInfo("Europe/Amsterdam")
"""The time zone of days and months where none is set."""

ATTRIBUTE_TYPES = {"text": "VARCHAR", "number": "DECIMAL(18,4)", "flag": "BOOLEAN", "day": "DATE"}
"""What an attribute of items may be as a column, by the word that a setting uses."""


@dataclass(frozen=True)
class Conventions:
    """The time zone, language, currency and calendar of a site: a store replaces its models when they change.

    `item_attributes` names attributes of items that are columns of `dim_item`, each with a word of
    `ATTRIBUTE_TYPES`; `customer_group` an attribute of customers, the price list where it is None; `versions`
    which streams keep what rows were before they were replaced.
    """

    zone: ZoneInfo = DEFAULT_ZONE
    language: str = "nl"
    currency: str = "EUR"
    fiscal_year_start: int = 1
    customer_group: str | None = None
    item_attributes: tuple[tuple[str, str], ...] = ()
    versions: Literal["none", "orders", "all"] = "orders"

    def placeholders(self) -> dict[str, str]:
        """Return what stands in a model's query for each `{name}`: literals and columns, quoted."""
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
        """Return what stands in a description for each `{name}`."""
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
    """Return a name as SQL writes it, whatever characters it holds."""
    return '"' + name.replace('"', '""') + '"'


def _json_path(name: str) -> str:
    return '$."' + name.replace('"', '\\"') + '"'
