"""The rules of the ledgers: send once, look up what is unknown, and believe a 404 only late. Pure decisions.

Under these rules nothing is booked twice, on one assumption: a gateway books what was sent to it within
`A4S_RESEND_AFTER_SECONDS`, or never.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from a4s_pipeline.errors import (
    A4sError,
    AccessDenied,
    ChangeRequest,
    ChangeSite,
    GatewayUnavailable,
    HistoryNotConfigured,
    UnknownAdministration,
)
from a4s_pipeline.warehouse.ledger import Entry


class Step(Enum):
    """What comes next for something that is asked to be sent."""

    SEND = "nothing of it is at the gateway, or on its way: it may be sent"
    ANSWER = "it is done: answered from the ledger"
    REFUSE = "another content under the same id is done"
    LOOK_UP = "it was sent, outcome unknown: asked at the gateway before anything else"


def next_step(entry: Entry | None, fingerprint: str | None) -> Step:
    """Return what comes next; `fingerprint` None asks for what is recorded, whatever its content.

    The caller holds the lock of this id: a row that says `sending` is of a process that died.
    """
    if entry is None:
        return Step.SEND
    if entry.status == "ok":
        return Step.ANSWER if fingerprint in (None, entry.fingerprint) else Step.REFUSE
    if entry.status in ("sending", "unknown"):
        return Step.LOOK_UP
    return Step.SEND


def may_be_replaced(entry: Entry) -> bool:
    """Tell whether other content may take this one's place: nothing of it is at the gateway, or may be."""
    return next_step(entry, None) is Step.SEND


def may_believe_absence(last_sent_at: datetime | None, now: datetime, resend_after: timedelta) -> bool:
    """Tell whether "not there" from the look-up means that it was not booked, and will not be.

    A gateway may book after the client has stopped waiting, so that is believed only some time after
    the last send.
    """
    return last_sent_at is None or now - last_sent_at >= resend_after


def status_after(error: A4sError) -> str:
    """Return what a send that brought no numbers leaves behind: refused, failed or unknown.

    `failed` is for what certainly did not reach the back office. What may have, is unknown.
    """
    match error:
        case ChangeRequest():
            return "refused"
        case AccessDenied() | UnknownAdministration() | HistoryNotConfigured():
            return "failed"
        case ChangeSite(code="CertificateInvalid"):
            # Seen before the request goes out. Other faults of the site may come with its answer.
            return "failed"
        case GatewayUnavailable(is_untaken=True):
            return "failed"
        case _:
            return "unknown"
