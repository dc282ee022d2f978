"""A finding of a check-up, and how a failed call becomes one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from a4s_pipeline.errors import (
    IT_SAYS,
    A4sError,
    AccessDenied,
    ChangeRequest,
    ChangeSite,
    GatewayUnavailable,
    HistoryNotConfigured,
    ReplyUnreadable,
    UnknownAdministration,
)
from a4s_pipeline.gateway.wire.connections import NoConnection
from a4s_pipeline.gateway.wire.faults import Fault

SHOW_OPERATOR = "show this to whoever runs the gateway"
CONFIGURE_FOCUS = (
    "have a focus connector configured in the legacy backend, or leave orders out of this connector's "
    "streams in A4S_CONNECTORS"
)
NO_HISTORY = "no order history without a focus connector"
LEFT_OUT = "A4S_CONNECTORS leaves orders out of this connector's streams"
NO_FOCUS = "the legacy backend has no focus connector, so there is no order history"


class Outcome(Enum):
    """The outcome of a question; `SKIPPED` means that another failure made it impossible to ask."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Checked:
    """The answer to one question: what was found, and what to do if it is wrong."""

    name: str
    verdict: Outcome
    message: str
    advice: str | None = None


def skipped(name: str, reason: str) -> Checked:
    """Return the finding for a question that could not be asked."""
    return Checked(name, Outcome.SKIPPED, reason)


def failure(name: str, error: A4sError, advice: str | None = None) -> Checked:
    """Return the finding for a failed call, by default with the advice for its kind."""
    return Checked(name, Outcome.FAILED, what_happened(error), advice or advice_for(error))


def what_happened(error: A4sError) -> str:
    """Return an error's message without its advice: a finding has its own."""
    if isinstance(error, HistoryNotConfigured):
        return NO_FOCUS
    # By our convention, an error ends with its advice after a colon, then the gateway's own words.
    ours, between, theirs = str(error).partition(IT_SAYS)
    return f"{ours.rpartition(': ')[0] or ours}{between}{theirs}"


def advice_for(error: A4sError) -> str:
    """Return the advice for a failed call."""
    match error:
        case AccessDenied():
            return (
                "check A4S_GATEWAY_TOKEN, or A4S_GATEWAY_USER and A4S_GATEWAY_PASSWORD, and that they give "
                "access to this administration"
            )
        case UnknownAdministration():
            return (
                "write the AdministrationName in A4S_CONNECTORS as the platform does, letter by letter: "
                "capitals, spaces and accents count"
            )
        case HistoryNotConfigured():
            return CONFIGURE_FOCUS
        case ReplyUnreadable():
            return (
                "check that A4S_GATEWAY_URL leads to the gateway, and not to a proxy or a portal, and run "
                f"the check again; if it stays so, {SHOW_OPERATOR}"
            )
        case GatewayUnavailable() | ChangeSite() if isinstance(error.__context__, NoConnection):
            return str(error).rpartition(": ")[2].removeprefix("try again later; ")
        case GatewayUnavailable() if has_answered(error):
            return f"run the check again in a few minutes; if it stays so, {SHOW_OPERATOR}"
        case GatewayUnavailable():
            return "check A4S_GATEWAY_URL, and the network and the firewalls between this machine and it"
        case ChangeRequest():
            return (
                "check that A4S_GATEWAY_URL is the base URL of the gateway, without a redirect; "
                f"if it is, {SHOW_OPERATOR}"
            )
    return "check A4S_GATEWAY_URL, and have the certificate of the gateway renewed where that is the matter"


def has_answered(error: A4sError) -> bool:
    """Tell whether a failed call got any answer, even an error."""
    # A connection fault is the cause that the client was handling when it raised the error.
    return isinstance(error, ReplyUnreadable) or not isinstance(error.__context__, Fault)


def in_words(span: timedelta) -> str:
    """Write a time span in the largest suitable unit."""
    seconds = int(span.total_seconds())
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size:,} {unit}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def quoted(text: str) -> str:
    """Quote outside text, short and printable."""
    return repr(text if len(text) <= 100 else f"{text[:99]}…")
