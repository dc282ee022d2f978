"""The messages for when the ledger's rules prevent a send, or leave its outcome unknown."""

from __future__ import annotations

from math import ceil

from a4s_pipeline.errors import ChangeRequest, TryAgain
from a4s_pipeline.ondemand.sending.ledger_rules import Word
from a4s_pipeline.warehouse.rows.ondemand.ledger import Entry

_IN_WORDS = {"ok": "done", "sending": "under way", "unknown": "not settled yet"}


def other_content(entry: Entry) -> ChangeRequest:
    """Return the refusal of other content under an id that may be booked."""
    state = _IN_WORDS.get(entry.status, entry.status)
    return ChangeRequest(
        f"{entry.key!r} was sent before with other content and is {state}: "
        "give new content a new id, or send the same again to learn what became of it",
        code="DuplicateRequest",
    )


def not_booked(key: str) -> TryAgain:
    """Return the message of a look-up once its "not there" is believed."""
    return TryAgain(
        f"the gateway has not booked {key!r}, and its time to do so is over: it may be sent again",
        code="NotBooked",
    )


def not_booked_by_hand(key: str, said: str) -> TryAgain:
    """Return the message for something that somebody found not to be booked."""
    return TryAgain(
        f"{key!r} is not booked, as was found by hand ({said}): it may be sent again", code="NotBooked"
    )


def not_to_be_resolved(entry: Entry) -> ChangeRequest:
    """Return the refusal to resolve by hand what has an outcome."""
    return ChangeRequest(
        f"{entry.key!r} is {entry.status}: only an order whose outcome is unknown is resolved by hand",
        code="NotUnknown",
    )


def may_still_be_booked(key: str, seconds: float) -> TryAgain:
    """Return why nobody can know yet that something was not booked."""
    return TryAgain(
        f"the gateway may still book {key!r}: look again in {ceil(seconds)} s, and say then that it is not",
        code="OutcomeUnknown",
        wait_seconds=seconds,
    )


def not_there_yet(key: str, word: Word | None) -> TryAgain:
    """Return the message of a look-up while its "not there" is not believed."""
    before = f" (before, {word.message})" if word else ""
    return TryAgain(
        f"the gateway does not show {key!r} yet; it may still book it, so nothing is sent. It is asked again"
        + before,
        code="OutcomeUnknown",
    )


def refused_in_the_end(key: str, word: Word) -> ChangeRequest:
    """Return the refusal of what was answered like that each time, and never booked."""
    return ChangeRequest(
        f"{word.message}. It was sent {word.count} times and {key!r} is not there: mend what the gateway "
        "names, then send it again",
        code=word.code,
    )
