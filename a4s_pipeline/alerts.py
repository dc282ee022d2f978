"""Reports failures: a line in `failures.log`, and one post to a webhook that delays nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
import urllib3
from pydantic import SecretStr
from requests.adapters import HTTPAdapter

from a4s_pipeline.gateway.wire.network import Network, trust
from a4s_pipeline.version import __version__

_TIMEOUT = 5.0
# The library's time-outs do not cover the look-up of the host name, or a reply that drips.
_LONGEST = _TIMEOUT + 1
_HEADERS = {"Content-Type": "application/json", "User-Agent": f"a4s-pipeline/{__version__}"}
_LARGEST_LOG = 4 * 1024 * 1024
# Far more than is ever reported between two ticks of a sensor.
_TAIL = 64 * 1024


class FailureLog:
    """The file with a line for each failed run; a full one becomes `failures.log.1`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, line: str) -> None:
        """Append a line; raises OSError if it cannot be written."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists() and self._path.stat().st_size > _LARGEST_LOG:
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def recent(self) -> list[str]:
        """Return the last lines; none if there is no readable file."""
        try:
            with self._path.open("rb") as file:
                file.seek(max(0, self._path.stat().st_size - _TAIL))
                return file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return []


def post_alert(
    url: SecretStr,
    document: Mapping[str, str | int | None],
    network: Network | None = None,
    secret: SecretStr | None = None,
) -> str | None:
    """Post a document to the webhook once; return None, or why it was not accepted, without the URL.

    It uses the proxy and the trusted authority of gateway calls: `network` has both. With a secret it is
    signed as in Standard Webhooks, so that the receiver knows the sender.
    """
    body = json.dumps(document).encode()
    headers = dict(_HEADERS)
    if secret is not None:
        headers |= signature_headers(secret, f"msg_{secrets.token_hex(16)}", int(time.time()), body)
    return _in_a_thread(url, body, headers, network or Network())


def post_document(
    url: SecretStr,
    document: Mapping[str, Any],
    network: Network,
    secret: SecretStr | None,
    message_id: str,
) -> str | None:
    """Post a document once, with the headers of Standard Webhooks; return as `post_alert` does.

    Without a secret it is not signed. Every post of it has the same id.
    """
    body = json.dumps(document).encode()
    now = int(time.time())
    named = {"webhook-id": message_id, "webhook-timestamp": str(now)}
    signed = named if secret is None else signature_headers(secret, message_id, now, body)
    return _in_a_thread(url, body, {**_HEADERS, **signed}, network)


def _in_a_thread(url: SecretStr, body: bytes, headers: Mapping[str, str], network: Network) -> str | None:
    outcome: list[str | None] = []
    # A daemon thread: the process does not wait for it at its end.
    thread = threading.Thread(
        target=lambda: outcome.append(_post(url, body, headers, network)),
        name="alert-webhook",
        daemon=True,
    )
    thread.start()
    thread.join(_LONGEST)
    return outcome[0] if outcome else f"it gave no answer within {_TIMEOUT:g} s"


def signature_headers(secret: SecretStr, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers for checking a body: its id, its time, and an HMAC over all three."""
    key = base64.b64decode(secret.get_secret_value().removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


class _Adapter(HTTPAdapter):
    """Trusts the authorities that calls to the gateway trust."""

    def __init__(self, trusting: ssl.SSLContext) -> None:
        self._trusting = trusting
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        """Apply them to direct connections."""
        super().init_poolmanager(*arguments, ssl_context=self._trusting, **named)

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        """Apply them to connections through a proxy, and to the proxy itself."""
        trusting = {"ssl_context": self._trusting, "proxy_ssl_context": self._trusting}
        return super().proxy_manager_for(proxy, **trusting, **named)


class _Session(requests.Session):
    """Follows no redirect and ignores the environment and `.netrc`."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.trust_env = False
        if network.proxy is not None:
            self.proxies = {"http": network.proxy, "https": network.proxy}
        self.mount("http://", _Adapter(trust(network.authority)))
        self.mount("https://", _Adapter(trust(network.authority)))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: redirects are not followed."""


def _post(url: SecretStr, body: bytes, headers: Mapping[str, str], network: Network) -> str | None:
    try:
        with (
            _Session(network) as session,
            session.post(
                url.get_secret_value(),
                data=body,
                headers=headers,
                timeout=_TIMEOUT,
                allow_redirects=False,
                stream=True,
            ) as reply,
        ):
            if 300 <= reply.status_code < 400:
                return f"it answered {reply.status_code}, a redirect, which is not followed"
            return None if reply.ok else f"it answered {reply.status_code}"
    except (requests.Timeout, urllib3.exceptions.TimeoutError):
        return f"it gave no answer within {_TIMEOUT:g} s"
    except Exception as fault:
        # The error's text may contain the URL, and the URL a token.
        return f"the call failed ({type(fault).__name__})"
