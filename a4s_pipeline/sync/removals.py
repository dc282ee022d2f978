"""Which records a listing read to its end shows to be gone: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

KEPT_MOVING = "the listing kept moving while it was read"
BROKE_OFF = "the listing broke off"


@dataclass(frozen=True)
class Reading:
    """What one reading of a listing came to.

    `is_complete`: the distinct keys number the total. `is_confirmed`: the listing came in one page, or
    twice alike to the letter. `repeats`: one key is listed twice, however often it is read. `missing`
    counts the records held that it did not list. `lists_others`: the listing is part of one that is known
    to hold other records, so that it may well be empty.
    """

    is_complete: bool
    is_confirmed: bool
    repeats: bool
    total: int
    held: int
    missing: int
    lists_others: bool = False


class Verdict(Enum):
    """What a reading allows."""

    DONE = "nothing is gone"
    REMOVE = "what is missing is gone"
    WITHHOLD = "nothing may be taken for gone"
    READ_AGAIN = "only another reading can tell"


@dataclass(frozen=True)
class Removal:
    """The verdict, and why nothing is taken for gone, where that is so."""

    verdict: Verdict
    withheld: str | None = None


def removal_of(reading: Reading, what: str) -> Removal:
    """Decide what a reading means for the records that are held and were not listed.

    One record that goes while another comes leaves the count as it was, and shifts a third one from the
    page to come to the page that was read. So what is missing is gone only if a second reading agrees.
    """
    if not reading.is_complete and not reading.repeats:
        return Removal(Verdict.READ_AGAIN, KEPT_MOVING)
    if reading.missing == 0:
        return Removal(Verdict.DONE)
    if reading.total == 0 and not reading.lists_others:
        return Removal(Verdict.WITHHOLD, f"the listing came back empty, where {reading.held} {what} are held")
    if not reading.is_complete:
        return Removal(Verdict.WITHHOLD, "the listing names a record twice, so its count cannot be trusted")
    if not reading.is_confirmed:
        return Removal(Verdict.READ_AGAIN, KEPT_MOVING)
    return Removal(Verdict.REMOVE)
