"""How calls leave this machine: which proxy and which authorities, from our settings alone."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import certifi
import urllib3
from urllib3.util import create_urllib3_context, make_headers

from a4s_pipeline.gateway.wire.connections import PlainPool, TlsPool
from a4s_pipeline.settings.loading import Settings


@dataclass(frozen=True)
class Network:
    """The proxy for all calls, and the authority to trust besides the public ones."""

    proxy: str | None = field(default=None, repr=False)
    """A URL that may contain a password."""
    authority: Path | None = None

    @classmethod
    def of(cls, settings: Settings) -> Network:
        """Return the network of the settings."""
        proxy = settings.gateway_proxy
        return cls(None if proxy is None else proxy.get_secret_value(), settings.gateway_ca)

    def open_pool(self, url: str, size: int) -> urllib3.HTTPConnectionPool:
        """Return a pool of at most this many connections to the host of a URL."""
        is_tls = url.startswith("https:") or (self.proxy or "").startswith("https:")
        trusting = trust(self.authority) if is_tls else None
        manager: urllib3.PoolManager
        if self.proxy is None:
            manager = urllib3.PoolManager(maxsize=size, ssl_context=trusting)
        else:
            address, headers = _address_and_headers(self.proxy)
            manager = urllib3.ProxyManager(
                address,
                maxsize=size,
                proxy_headers=headers,
                ssl_context=trusting,
                proxy_ssl_context=trusting,
            )
        manager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
        return manager.connection_from_url(url)

    def target(self, url: str) -> str:
        """Return the request target of a URL: all of it for a proxy without a tunnel, else its path."""
        if self.proxy is not None and url.startswith("http:"):
            return url
        parts = urlsplit(url)
        return urlunsplit(("", "", parts.path or "/", parts.query, ""))


def _address_and_headers(proxy: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(proxy)
    address = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "", "", ""))
    if parts.username is None:
        return address, {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    # As bytes: the library would encode them as Latin-1.
    return address, dict(make_headers(proxy_basic_auth=pair.encode().decode("latin-1")))


@cache
def trust(authority: Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the public authorities and the company's own."""
    context = create_urllib3_context()
    context.load_verify_locations(certifi.where())
    if authority is not None:
        context.load_verify_locations(authority)
    return context
