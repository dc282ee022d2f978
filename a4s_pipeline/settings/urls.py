"""Checks URLs in settings; each function raises `ValueError` with what is wrong."""

from __future__ import annotations

from base64 import b64decode
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

_BUCKETS = frozenset({"s3", "s3a", "gs", "gcs", "az"})


def _url_parts(text: str, example: str) -> SplitResult:
    if " " in text or not text.isprintable():
        raise ValueError("must not contain spaces or control characters")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"must be a URL such as {example}")
    return parts


def _base_url(text: str, example: str, no_credentials: str) -> str:
    parts = _url_parts(text, example)
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"must not contain {no_credentials}")
    if parts.query or parts.fragment:
        raise ValueError("must end before any ? or #")
    return text.rstrip("/")


def checked_gateway_url(text: str) -> str:
    instead = "credentials: use A4S_GATEWAY_USER and A4S_GATEWAY_PASSWORD"
    return _base_url(text, "https://gateway.example.com", instead)


def checked_dagster_url(text: str) -> str:
    return _base_url(text, "https://dagster.example.com", "a user or a password: it is shown in alerts")


def checked_webhook_secret(secret: SecretStr) -> SecretStr:
    """Take a secret of Standard Webhooks: `whsec_` and 24 to 64 bytes in base64."""
    text = secret.get_secret_value()
    try:
        key = b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not 24 <= len(key) <= 64:
        raise ValueError("must be whsec_ and 24 to 64 bytes in base64: `openssl rand -base64 32` makes them")
    return secret


def checked_webhook_url(secret: SecretStr) -> SecretStr:
    # Its path or query is often a secret, so a query is allowed, and no message contains the URL.
    parts = _url_parts(secret.get_secret_value(), "https://hooks.example.com/services/…")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not contain a user or a password before its host")
    if parts.fragment:
        raise ValueError("must end before any #")
    return secret


def checked_proxy_url(secret: SecretStr) -> SecretStr:
    # It may hold a password: no message repeats it.
    parts = _url_parts(secret.get_secret_value(), "http://proxy.example.com:3128")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("must end after its host and port")
    if not unquote(f"{parts.username}{parts.password}").isprintable():
        raise ValueError("contains a line break or another control character in its user or password")
    return secret


def is_url(location: str) -> bool:
    """Tell whether a location is a URL and not a folder."""
    return "://" in location


def requests_location(text: str) -> str:
    """Check `A4S_REQUESTS`: a folder, or the URL of a prefix in a store.

    The store is opened at first use: no command waits for a driver it does not need.
    """
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    if not is_url(text):
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("is not a URL") from None
    # Other schemes have a container before the @, or a user without a key.
    if parts.password is not None or (parts.username is not None and parts.scheme in _BUCKETS):
        raise ValueError("must not contain credentials; give them to the store's driver, as it documents")
    if parts.query or parts.fragment or "::" in text:
        raise ValueError("must end before any ? or #, and name one store")
    if parts.scheme in ("file", "local"):
        if parts.netloc or not parts.path.startswith("/"):
            raise ValueError("must be an absolute path where it is a file, such as file:///srv/a4s")
    elif not parts.scheme or (not parts.netloc and parts.scheme != "memory"):
        raise ValueError("must be a folder, or a URL such as s3://bucket/a4s")
    # As drivers know it, in lower-case letters.
    return parts.scheme + text[len(parts.scheme) :]
