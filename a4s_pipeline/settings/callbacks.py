"""The URLs in A4S_CALLBACKS that are called when an unknown outcome is settled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from a4s_pipeline.settings.connectors import unique_pairs
from a4s_pipeline.settings.urls import checked_webhook_secret, checked_webhook_url

_FIELDS = ("url", "secret", "connectors")


@dataclass(frozen=True)
class Callback:
    """A URL to call; with a secret the call is signed."""

    name: str
    url: SecretStr
    secret: SecretStr | None = None
    connectors: frozenset[str] | None = None
    """The connectors it is called for; None for all."""

    def is_for(self, connector: str) -> bool:
        """Tell whether it is called for a connector."""
        return self.connectors is None or connector in self.connectors


def read_callbacks(value: Any) -> tuple[Callback, ...]:
    """Read A4S_CALLBACKS, as JSON text or as an object; raises ValueError that shows no URL and no secret."""
    if isinstance(value, tuple) and all(isinstance(callback, Callback) for callback in value):
        return value
    if isinstance(value, str):
        try:
            value = json.loads(value, object_pairs_hook=unique_pairs)
        except (json.JSONDecodeError, RecursionError):
            raise ValueError('must be a JSON object of a name to its URL: {"shop": "https://…"}') from None
    if not isinstance(value, dict) or not value:
        raise ValueError("must be a JSON object that names at least one URL")
    return tuple(_callback(name, given) for name, given in value.items())


def _callback(name: str, given: Any) -> Callback:
    if not name or not name.isprintable():
        raise ValueError("has a URL without a printable name")
    fields = {"url": given} if isinstance(given, str) else given
    if not isinstance(fields, dict) or not isinstance(fields.get("url"), str):
        raise ValueError(f"{name!r} needs a URL, or an object with url")
    if unknown := [key for key in fields if key not in _FIELDS]:
        raise ValueError(f"{name!r} has an unknown key {unknown[0]!r}; there are {', '.join(_FIELDS)}")
    secret, connectors = fields.get("secret"), fields.get("connectors")
    if "secret" in fields and not isinstance(secret, str):
        raise ValueError(f"{name!r}: secret must be a text")
    if "connectors" in fields and (
        not isinstance(connectors, list)
        or not connectors
        or not all(isinstance(one, str) for one in connectors)
    ):
        raise ValueError(f"{name!r}: connectors must be a list of at least one text")
    try:
        return Callback(
            name,
            checked_webhook_url(SecretStr(fields["url"])),
            None if secret is None else checked_webhook_secret(SecretStr(secret)),
            None if connectors is None else frozenset(connectors),
        )
    except ValueError as error:
        raise ValueError(f"{name!r} {error}") from None
