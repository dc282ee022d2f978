"""What `A4S_REQUESTS` may be: a folder, or the URL of a prefix in a store."""

from __future__ import annotations

from urllib.parse import urlsplit

_BUCKETS = frozenset({"s3", "s3a", "gs", "gcs", "az"})


def is_url(location: str) -> bool:
    """Tell whether a location is a URL and not a folder."""
    return "://" in location


def requests_location(text: str) -> str:
    """Return the location of the requests unchanged; raises ValueError that says what is allowed.

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
