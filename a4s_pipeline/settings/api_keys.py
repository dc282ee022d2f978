"""The clients in A4S_API_KEYS that may call the HTTP interface: name, hash of the key, and rights."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from a4s_pipeline.settings.connectors import unique_pairs

MAY = ("stock", "orders", "customers", "retrieve")
"""What a client may be allowed to do."""

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_FIELDS = ("key", "sha256", "connectors", "may")


@dataclass(frozen=True)
class ApiClient:
    """A client of the HTTP interface. Only a hash of its key is kept, so that nothing can show the key."""

    name: str
    sha256: str = field(repr=False)
    connectors: frozenset[str] | None = None
    """The connectors that it may use; None is all."""
    may: frozenset[str] = frozenset(MAY)

    def may_use(self, connector: str) -> bool:
        """Tell whether it may use a connector."""
        return self.connectors is None or connector in self.connectors


ANYBODY = ApiClient("anybody", "")
"""The client if there are no keys: then only this machine may call."""


def client_of(key: str, clients: Iterable[ApiClient]) -> ApiClient | None:
    """Return the client with this key, in a time that reveals nothing about any key."""
    hashed = sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    found = None
    for client in clients:
        if hmac.compare_digest(client.sha256, hashed):
            found = client
    return found


def read_api_keys(value: Any) -> tuple[ApiClient, ...]:
    """Read A4S_API_KEYS, as JSON text or as an object; raises ValueError that names no key."""
    if isinstance(value, tuple) and all(isinstance(client, ApiClient) for client in value):
        return value
    if isinstance(value, str):
        try:
            value = json.loads(value, object_pairs_hook=unique_pairs)
        except (json.JSONDecodeError, RecursionError):
            raise ValueError('must be a JSON object of a client\'s name to its key: {"shop": "…"}') from None
    if not isinstance(value, dict) or not value:
        raise ValueError("must be a JSON object that names at least one client")
    clients = tuple(_client(name, given) for name, given in value.items())
    if len({client.sha256 for client in clients}) < len(clients):
        raise ValueError("gives two clients the same key")
    return clients


def _client(name: str, given: Any) -> ApiClient:
    if not name or not name.isprintable():
        raise ValueError("has a client without a printable name")
    if isinstance(given, str):
        return ApiClient(name, _hash_of(name, given))
    if not isinstance(given, dict):
        raise ValueError(f"{name!r} needs a key, or an object with key or sha256")
    if unknown := [key for key in given if key not in _FIELDS]:
        raise ValueError(f"{name!r} has an unknown key {unknown[0]!r}; there are {', '.join(_FIELDS)}")
    if ("key" in given) == ("sha256" in given):
        raise ValueError(f"{name!r} needs one of key and sha256")
    if "key" in given:
        hashed = _hash_of(name, given["key"])
    else:
        hashed = given["sha256"]
        if not isinstance(hashed, str) or not _SHA256.fullmatch(hashed):
            raise ValueError(f"{name!r}: sha256 must be 64 hexadecimal digits")
    connectors = _texts(name, "connectors", given["connectors"]) if "connectors" in given else None
    may = _texts(name, "may", given["may"], MAY) if "may" in given else frozenset(MAY)
    return ApiClient(name, hashed.lower(), connectors, may)


def _hash_of(name: str, key: Any) -> str:
    if not isinstance(key, str) or not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError(f"{name!r}: its key must be a text of printable ASCII without spaces")
    return sha256(key.encode()).hexdigest()


def _texts(name: str, what: str, given: Any, known: Collection[str] | None = None) -> frozenset[str]:
    if not isinstance(given, list) or not given or not all(isinstance(text, str) for text in given):
        raise ValueError(f"{name!r}: {what} must be a list of at least one text")
    for text in given:
        if known is not None and text not in known:
            raise ValueError(f"{name!r}: {what} names {text!r}; there are {', '.join(known)}")
    return frozenset(given)
