"""What a URL in a setting may be; each raises `ValueError` that says what is wrong with it."""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr


def _url_parts(text: str, example: str) -> SplitResult:
    if " " in text or not text.isprintable():
        raise ValueError("must not hold spaces or control characters")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"must be a URL such as {example}")
    return parts


def checked_gateway_url(text: str) -> str:
    parts = _url_parts(text, "https://gateway.example.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold credentials; set A4S_GATEWAY_USER and A4S_GATEWAY_PASSWORD instead")
    if parts.query or parts.fragment:
        raise ValueError("must end before any ? or #")
    return text.rstrip("/")


def checked_webhook_url(secret: SecretStr) -> SecretStr:
    # Its path or query is often the key to it, so a query is allowed, and no message holds the URL.
    parts = _url_parts(secret.get_secret_value(), "https://hooks.example.com/services/…")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or a password before its host")
    if parts.fragment:
        raise ValueError("must end before any #")
    return secret


def checked_proxy_url(secret: SecretStr) -> SecretStr:
    # It may hold a password: no message repeats it.
    parts = _url_parts(secret.get_secret_value(), "http://proxy.example.com:3128")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("must end after its host and port")
    if not unquote(f"{parts.username}{parts.password}").isprintable():
        raise ValueError("holds a line break or another control character in its user or password")
    return secret
