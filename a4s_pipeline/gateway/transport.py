"""Beneath the client: the session, the body of an answer within its bounds, and what faults mean."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping

import requests
import urllib3
from requests.adapters import HTTPAdapter

from a4s_pipeline import __version__
from a4s_pipeline.errors import A4sError, ChangeSite, GatewayUnavailable, ReplyBeyondBounds
from a4s_pipeline.gateway.answers import unreadable
from a4s_pipeline.gateway.credentials import auth_of
from a4s_pipeline.settings import Settings

LARGEST_BODY = 64 * 1024 * 1024
_CHUNK = 64 * 1024

# requests wraps urllib3's faults, but not all of them, and none while we read a body ourselves.
Fault = requests.RequestException | urllib3.exceptions.HTTPError
FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError)


class _Session(requests.Session):
    """Looks at no `Location`: even unfollowed, requests reads one, and breaks on some."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: there is nowhere to go on to."""


def open_session(settings: Settings) -> requests.Session:
    """Return a session for one gateway, with a pool as large as the connections."""
    session = _Session()
    session.trust_env = False
    session.auth = auth_of(settings)
    session.headers.update({"Accept": "application/json", "User-Agent": f"a4s-pipeline/{__version__}"})
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=settings.max_connections, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class Caller:
    """Sends requests over one session.

    Each call copies a request that was prepared once: what requests does to prepare one costs a third of
    the processor time of a call, and is the same every time.
    """

    def __init__(self, settings: Settings) -> None:
        self.session = open_session(settings)
        base = requests.Request("GET", settings.required_gateway_url())
        try:
            self._prepared = self.session.prepare_request(base)
        except requests.RequestException as fault:
            self.session.close()
            raise unreached(fault, "anything", settings.timeout_seconds) from None

    def send(
        self,
        method: str,
        url: str,
        timeout: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one request, its URL encoded already, and return the response with its body unread.

        `timeout` is in seconds, for the connection and for the first byte of the answer.
        """
        request = self._prepared.copy()
        request.method, request.url = method, url
        if body is not None:
            request.prepare_body(body, None)
        request.headers.update(headers or {})
        return self.session.send(
            request,
            timeout=timeout,
            stream=True,
            allow_redirects=False,
            verify=self.session.verify,
            proxies={},
        )

    def close(self) -> None:
        """Let go of the connections."""
        self.session.close()


def whole_body(response: requests.Response, subject: str, deadline: float) -> bytes:
    """Read a body to its end, or raise when that takes too long or brings too much.

    One that says itself that it is too large is not read at all.
    """
    parts: list[bytes] = []
    size = 0
    if _length_of(response) > LARGEST_BODY:
        raise _too_large(subject)
    # `read1` returns what is there: waiting for a full chunk, a body that drips would never time out.
    while part := response.raw.read1(_CHUNK, decode_content=True):
        if time.monotonic() > deadline:
            raise requests.Timeout
        size += len(part)
        if size > LARGEST_BODY:
            raise _too_large(subject)
        parts.append(part)
    return b"".join(parts)


def _length_of(response: requests.Response) -> int:
    told = response.headers.get("Content-Length", "")
    # A length of hundreds of digits is more than Python reads as a number.
    return int(told[:20]) if told.isascii() and told.isdigit() else 0


def _too_large(subject: str) -> ReplyBeyondBounds:
    return ReplyBeyondBounds(
        f"the gateway's answer for {subject} is larger than {LARGEST_BODY >> 20} MiB, and is not read: "
        "show this to whoever runs the gateway"
    )


def unreached(fault: Fault, subject: str, timeout: float) -> A4sError:
    """Say what kept a call from its answer, without the URL or anything else the library wrote."""
    if _is_certificate_fault(fault):
        return ChangeSite(
            "the gateway's TLS certificate does not verify: have it renewed, or correct A4S_GATEWAY_URL",
            code="CertificateInvalid",
        )
    match fault:
        case requests.Timeout() | urllib3.exceptions.TimeoutError():
            why = f"no answer within {timeout:.3g} s"
        case urllib3.exceptions.ProtocolError() | urllib3.exceptions.DecodeError():
            return unreadable(subject, "the body is cut off")
        case requests.ConnectionError() | urllib3.exceptions.SSLError():
            why = "the connection failed"
        case _:
            kind = type(fault).__name__
            return ChangeSite(f"the gateway cannot be called for {subject} ({kind}): check A4S_GATEWAY_URL")
    message = f"the gateway gave no answer for {subject} ({why}): try again later"
    return GatewayUnavailable(message, is_untaken=_was_never_sent(fault))


def _was_never_sent(fault: Fault) -> bool:
    """Tell whether the connection itself could not be made, so that nothing can have gone over it."""
    reason = getattr(fault.args[0], "reason", None) if fault.args else None
    return isinstance(fault, requests.ConnectTimeout) or isinstance(
        reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError
    )


def _is_certificate_fault(fault: BaseException) -> bool:
    seen: BaseException | None = fault
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
