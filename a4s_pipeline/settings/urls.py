"""Checks URLs in settings; each function raises `ValueError` with what is wrong."""

from __future__ import annotations

from base64 import b64decode
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr


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
