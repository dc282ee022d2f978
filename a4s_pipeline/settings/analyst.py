"""The settings that shape what analysts read: language, currency, calendar, columns, and a site's own SQL."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer
from pydantic_settings import BaseSettings, NoDecode

from a4s_pipeline.models import DEFAULT_ZONE, Conventions
from a4s_pipeline.models.conventions import ATTRIBUTE_TYPES
from a4s_pipeline.models.reading import columns_of_items
from a4s_pipeline.settings.paths import at_home, openable

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_CURRENCY = re.compile(r"[A-Z]{3}")


def _timezone(value: Any) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value))
    except (KeyError, ValueError, OSError):
        raise ValueError("must be a time zone such as Europe/Amsterdam") from None


def _language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise ValueError("must be a language such as nl or en")
    return text


def _currency(text: str) -> str:
    if not _CURRENCY.fullmatch(text):
        raise ValueError("must be the code of a currency, such as EUR")
    return text


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    return text


def _item_attributes(value: Any) -> dict[str, str]:
    kinds = ", ".join(ATTRIBUTE_TYPES)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (json.JSONDecodeError, RecursionError):
            value = None
    if not isinstance(value, dict):
        raise ValueError(f'must be a JSON object of attribute to {kinds}, such as {{"brand": "text"}}')
    taken = {name.lower() for name in columns_of_items()}
    for name, kind in value.items():
        if not isinstance(kind, str) or kind not in ATTRIBUTE_TYPES:
            raise ValueError(f"{name!r} must be one of {kinds}")
        if not name or not name.isprintable() or name.lower() in taken:
            raise ValueError(f"{name!r} cannot name a column of dim_item: it is empty or already taken")
        taken.add(name.lower())
    return value


class AnalystSettings(BaseSettings):
    """The part of the settings that shapes the analysts' data; see `Settings`."""

    data_dir: Annotated[Path, BeforeValidator(at_home), AfterValidator(openable)] = Path("data")
    timezone: Annotated[ZoneInfo, BeforeValidator(_timezone), PlainSerializer(str)] = DEFAULT_ZONE
    language: Annotated[str, AfterValidator(_language)] = "nl"
    currency: Annotated[str, AfterValidator(_currency)] = "EUR"
    fiscal_year_start: Annotated[int, Field(ge=1, le=12)] = 1
    customer_group: Annotated[str | None, AfterValidator(lambda name: name and _printable(name))] = None
    item_attributes: Annotated[dict[str, str], NoDecode, BeforeValidator(_item_attributes)] = Field(
        default_factory=dict
    )
    models: Annotated[Path, BeforeValidator(at_home)] = Path("models")
    history_versions: Literal["none", "orders", "all"] = "orders"

    @property
    def analytics_path(self) -> Path:
        """The published copy, which analysts and order retrieval read."""
        return self.data_dir.absolute() / "analytics.duckdb"

    @property
    def reference_path(self) -> Path:
        """The folder of the tables that the site fills itself."""
        return self.data_dir.absolute() / "reference"

    @property
    def models_path(self) -> Path:
        """The folder of the site's own SQL."""
        return self.models.absolute()

    @property
    def conventions(self) -> Conventions:
        """The conventions for the days, months and words of the models."""
        return Conventions(
            zone=self.timezone,
            language=self.language,
            currency=self.currency,
            fiscal_year_start=self.fiscal_year_start,
            customer_group=self.customer_group,
            item_attributes=tuple(self.item_attributes.items()),
            versions=self.history_versions,
        )
