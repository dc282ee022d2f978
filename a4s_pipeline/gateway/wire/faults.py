"""Explains a missing answer: which step failed, at which end, and what to change there."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import BadStatusLine, RemoteDisconnected

import urllib3

from a4s_pipeline.errors import A4sError, ChangeSite, GatewayUnavailable, ReplyUnreadable
from a4s_pipeline.gateway.wire.connections import NoConnection, UnaskedUpgrade

Fault = urllib3.exceptions.HTTPError

_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (\d{3})")
# The alert that a TLS server sends to a client that does not speak TLS.
_TLS_ALERT = "\x15\x03"
# The same in words, with a 400, from nginx, Apache, Tomcat, Go and others.
_TLS_IN_WORDS = re.compile(
    rb"plain http request was sent to https|plain http to an ssl|requires tls|http request to an https",
    re.IGNORECASE,
)
_OTHER_NAME = {62, 63, 64}
_UNTRUSTED = {18, 19, 20, 21, 24}
_EXPIRED, _NOT_YET_VALID = 10, 9
_NO_TLS_SPOKEN = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL}
_FORBIDDEN = {errno.EACCES, errno.EPERM}
# The answer cannot be read; contradictory lengths count as an invalid header.
_NO_ANSWER = (
    urllib3.exceptions.ProtocolError,
    urllib3.exceptions.SSLError,
    urllib3.exceptions.InvalidHeader,
)
_NO_FILES_LEFT = {errno.EMFILE, errno.ENFILE}


@dataclass(frozen=True)
class End:
    """The other end of a connection, as messages name it."""

    name: str
    """`the gateway`, or `the proxy`."""
    host: str
    port: int
    variable: str
    """The setting that names it."""
    is_tls: bool

    def __str__(self) -> str:
        return f"{self.name} at {self.host}:{self.port}"


def unconnected(fault: NoConnection, subject: str, timeout: float, end: End, gateway: End) -> A4sError:
    """Say why there is no connection and what to change.

    `end` is the host that was dialled, `gateway` the one that was meant: behind a proxy they differ.
    """
    for cause in _causes(fault.cause):
        if isinstance(cause, OSError) and (found := _TUNNEL_REFUSED.search(str(cause))):
            return refused_by_proxy(int(found[1]), subject)
        error = _while_connecting(cause, subject, timeout, end) or _while_greeting(
            cause, subject, timeout, end if fault.is_at_proxy else gateway
        )
        if error is not None:
            return error
    kind = type(fault.cause).__name__
    return ChangeSite(f"{end.name} cannot be called for {subject} ({kind}): check {end.variable}")


def _while_connecting(cause: BaseException, subject: str, timeout: float, end: End) -> A4sError | None:
    match cause:
        case socket.gaierror():
            why = f"the name {end.host} is not found"
            advice = f"check {end.variable}, and the name server of this machine"
        case urllib3.exceptions.NewConnectionError():
            # The system's own error says more, and is examined next.
            return None
        case urllib3.exceptions.ConnectTimeoutError():
            why = f"no connection with {end} within {timeout:.3g} s"
            advice = f"check the host and the port in {end.variable}, and the firewalls on the way"
        case ConnectionRefusedError():
            why = f"{end} refuses connections"
            advice = f"see that it runs, and check the port in {end.variable}"
        case ssl.SSLError():
            # Its number is OpenSSL's, not the system's.
            return None
        case OSError() if cause.errno in _UNREACHABLE:
            why = f"there is no route to {end}"
            advice = f"check {end.variable}, and the network of this machine"
        case OSError() if cause.errno in _FORBIDDEN:
            why = f"this machine may not connect to {end}"
            advice = "let its firewall allow that"
        case OSError() if cause.errno in _NO_FILES_LEFT:
            why = "this process has too many open files"
            advice = "raise its limit (ulimit -n), or lower A4S_MAX_CONNECTIONS"
        case _:
            return None
    return _no_answer(subject, why, advice)


def _while_greeting(cause: BaseException, subject: str, timeout: float, end: End) -> A4sError | None:
    match cause:
        case ssl.SSLCertVerificationError():
            return _certificate(cause, end)
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError() | ConnectionError():
            why = f"{end} broke the connection off while it was made"
            advice = f"check that the port in {end.variable} speaks TLS"
        case ssl.SSLError() if (cause.reason or "").upper().replace(" ", "_") in _NO_TLS_SPOKEN:
            return _without_tls(end)
        case ssl.SSLError():
            reason = f", {cause.reason.replace('_', ' ').lower()}" if cause.reason else ""
            why = f"the TLS handshake with {end} failed{reason}"
            advice = "show this to whoever runs it"
        case TimeoutError():
            why = f"{end} did not finish the TLS handshake within {timeout:.3g} s"
            advice = f"check that the port in {end.variable} speaks TLS"
        case _:
            return None
    return _no_answer(subject, why, advice)


def _causes(fault: BaseException | None) -> Iterator[BaseException]:
    """Yield the errors from the library's down to the system's."""
    met: list[BaseException] = []
    while fault is not None and fault not in met:
        yield fault
        met.append(fault)
        inner = [one for one in fault.args if isinstance(one, BaseException)]
        fault = fault.__cause__ or fault.__context__ or (inner[0] if inner else None)


def _no_answer(subject: str, why: str, advice: str) -> GatewayUnavailable:
    message = f"the gateway gave no answer for {subject} ({why}): try again later; {advice}"
    return GatewayUnavailable(message, is_untaken=True)


def _certificate(fault: ssl.SSLCertVerificationError, end: End) -> ChangeSite:
    renew = "have it renewed"
    match fault.verify_code:
        case code if code in _OTHER_NAME:
            why, advice = (
                f"it is not for {end.host}",
                f"have it renewed, or correct {end.variable}",
            )
        case code if code in _UNTRUSTED:
            why = "its authority is not trusted here"
            advice = (
                "set A4S_GATEWAY_CA to the PEM file of that authority where it is your company's, "
                f"or {renew} by a public one"
            )
        case code if code == _EXPIRED:
            why, advice = "it has expired", renew
        case code if code == _NOT_YET_VALID:
            why, advice = "it is not valid yet", f"set the clock of this machine right, or {renew}"
        case _:
            why, advice = "it is not in order", renew
    return ChangeSite(
        f"the TLS certificate of {end} does not verify ({why}): {advice}", code="CertificateInvalid"
    )


def _without_tls(end: End) -> ChangeSite:
    return ChangeSite(
        f"{end} answers without TLS: write http:// in {end.variable}, or the port at which it speaks TLS"
    )


def with_tls(end: End) -> ChangeSite:
    """Return the error for plain HTTP sent to an end that expects TLS."""
    return ChangeSite(
        f"{end} speaks TLS: write https:// in {end.variable}, or the port at which it speaks none"
    )


def asks_for_tls(status: int, body: bytes) -> bool:
    """Tell whether an answer says that its port expects TLS."""
    return status == 400 and _TLS_IN_WORDS.search(body[:4096]) is not None


def refused_by_proxy(status: int, subject: str) -> A4sError:
    """Return the error for a proxy that blocks a call."""
    if status == 407:
        return ChangeSite(
            f"the proxy answered 407 for {subject}: give its user and password in A4S_GATEWAY_PROXY"
        )
    if status >= 500:
        return _no_answer(subject, f"the proxy answered {status}", "see that it can reach the gateway")
    return ChangeSite(
        f"the proxy answered {status} for {subject}: have it let calls to the gateway through, "
        "or correct A4S_GATEWAY_PROXY"
    )


def unanswered(fault: Fault, subject: str, timeout: float, gateway: End) -> A4sError:
    """Say why a question that was sent got no answer at all."""
    cause = fault.args[-1] if fault.args else None
    match fault, cause:
        case urllib3.exceptions.TimeoutError(), _:
            why = f"no answer within {timeout:.3g} s"
        case _, UnaskedUpgrade():
            return unreadable(subject, "it answers 101, which asks for another protocol")
        case _, BadStatusLine() if _TLS_ALERT in str(cause):
            return with_tls(gateway)
        case _, RemoteDisconnected() | ConnectionError() if not gateway.is_tls:
            why = "the connection was closed before an answer came; a port that speaks TLS does so too"
        case _, RemoteDisconnected() | ConnectionError():
            why = "the connection was closed before an answer came"
        case _ if isinstance(fault, _NO_ANSWER):
            return unreadable(subject, "the answer is not HTTP")
        case _:
            kind = type(fault).__name__
            return ChangeSite(f"the gateway cannot be called for {subject} ({kind}): check A4S_GATEWAY_URL")
    return GatewayUnavailable(f"the gateway gave no answer for {subject} ({why}): try again later")


def broken_off(fault: Fault, subject: str, timeout: float) -> A4sError:
    """Say why the body of an answer is incomplete."""
    if isinstance(fault, urllib3.exceptions.TimeoutError):
        return GatewayUnavailable(
            f"the gateway gave no answer for {subject} (no answer within {timeout:.3g} s): try again later"
        )
    return unreadable(subject, "the body is cut off")


def unreadable(subject: str, why: str) -> ReplyUnreadable:
    """Return the error for a 2xx answer that cannot be read."""
    return ReplyUnreadable(f"the gateway's answer for {subject} cannot be read ({why}): try again later")
