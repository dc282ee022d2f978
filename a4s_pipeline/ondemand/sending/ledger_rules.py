"""The rules of the ledgers: send once, look up what is unknown, and believe a 404 only late; pure functions.

Under these rules nothing is booked twice, on one assumption: a gateway books what was sent to it within
`A4S_RESEND_AFTER_SECONDS`, or never.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from a4s_pipeline.errors import (
    A4sError,
    AccessDenied,
    ChangeRequest,
    ChangeSite,
    GatewayUnavailable,
    HistoryNotConfigured,
    Inconclusive,
    UnknownAdministration,
)
from a4s_pipeline.files import exact_json
from a4s_pipeline.warehouse.rows.ondemand.ledger import Entry, LedgerKind

# After two such answers, with the whole time to book in between, the gateway has said no.
_MOST_INCONCLUSIVE = 2
_COUNT = "inconclusive"
BY_HAND = "by_hand"
"""The kind of attempt for an outcome that somebody looked up in the back office."""


class Step(Enum):
    """What to do next with a request to send something."""

    SEND = "nothing of it is at the gateway, or on its way: it may be sent"
    ANSWER = "it is done: answered from the ledger"
    REFUSE = "another content under the same id is done"
    LOOK_UP = "it was sent, outcome unknown: asked at the gateway before anything else"


def next_step(entry: Entry | None, fingerprint: str | None) -> Step:
    """Return the next step; with `fingerprint` None, for the recorded content, whatever it is.

    The caller has the lock of this id, so a row with `sending` belongs to a process that died.
    """
    if entry is None:
        return Step.SEND
    if entry.status == "ok":
        return Step.ANSWER if fingerprint in (None, entry.fingerprint) else Step.REFUSE
    if entry.status in ("sending", "unknown"):
        return Step.LOOK_UP
    return Step.SEND


def may_be_replaced(entry: Entry) -> bool:
    """Tell whether other content may replace this: it is not booked and cannot be."""
    return next_step(entry, None) is Step.SEND


def may_believe_absence(last_sent_at: datetime | None, now: datetime, resend_after: timedelta) -> bool:
    """Tell whether "not there" from the look-up means that it was not booked, and will not be.

    A gateway may book after the client has stopped waiting, so that is believed only some time after
    the last send.
    """
    return last_sent_at is None or now - last_sent_at >= resend_after


def status_after(error: A4sError) -> str:
    """Return the status after a send without numbers: refused, failed or unknown.

    `failed` is for what certainly did not reach the back office; anything that may have is unknown.
    """
    match error:
        case ChangeRequest():
            return "refused"
        case AccessDenied() | UnknownAdministration() | HistoryNotConfigured():
            return "failed"
        case ChangeSite(code="CertificateInvalid"):
            # Detected before the request goes out. Other faults of the site may come with its answer.
            return "failed"
        case GatewayUnavailable(is_untaken=True):
            return "failed"
        case _:
            return "unknown"


def marks_when_closed(before: Entry | None, status: str, kind: str, now: datetime) -> Mapping[str, Any]:
    """Return the columns that say whether to notify the sender later: its outcome was unknown to them.

    It was also unknown if the process died while sending and a look-up finds the outcome.
    """
    was_open = before is not None and next_step(before, None) is Step.LOOK_UP
    is_unknown = status == "unknown" or (kind in ("look_up", BY_HAND) and was_open)
    is_marked = before is not None and before.row.get("unknown_at") is not None
    return {"unknown_at": now} if is_unknown and not is_marked else {}


def marks_when_sent(before: Entry | None) -> Mapping[str, Any]:
    """Return the columns for notifying about something that is sent again: earlier notifications do not
    count.
    """
    is_told = before is not None and before.row.get("announced_at") is not None
    return {"unknown_at": None, "announced_at": None} if is_told else {}


def numbers_told(error: Inconclusive, kind: LedgerKind) -> Mapping[str, str]:
    """Return the numbers in a 409 that says it is already booked, otherwise none.

    Only the contract's code says so. A 409 with any other may mean that it is under way, or unwanted.
    """
    if error.code != kind.duplicate:
        return {}
    return {name: error.known[name] for name in kind.numbers if name in error.known}


@dataclass(frozen=True)
class Word:
    """The gateway's last word on something that it neither booked nor plainly refused."""

    code: str
    message: str
    count: int
    """How many sends in a row got such an answer."""

    def as_response(self) -> str:
        """Return it for the ledger, where it outlives later look-ups."""
        return exact_json.dumps(
            {"code": self.code, "message": self.message, "fields": [], _COUNT: self.count}
        )


def word_of(entry: Entry | None) -> Word | None:
    """Return the last word in the ledger, or None if the last send got another kind of answer."""
    response = exact_json.loads(entry.row["response"]) if entry and entry.row.get("response") else None
    if not isinstance(response, dict) or not isinstance(response.get(_COUNT), int):
        return None
    return Word(str(response.get("code")), str(response.get("message")), response[_COUNT])


def next_word(error: Inconclusive, earlier: Word | None) -> Word:
    """Return what to store of an answer that leaves the outcome of a send open."""
    return Word(error.code, str(error), (earlier.count if earlier else 0) + 1)


def is_last_word(word: Word | None) -> bool:
    """Tell whether "not there", once it is believed, counts as refused.

    The first time, the order is sent again: what was under way may have come to nothing. But if it were sent
    again for ever, a gateway that answers 409 for "no" would look like a slow one.
    """
    return word is not None and word.count >= _MOST_INCONCLUSIVE
