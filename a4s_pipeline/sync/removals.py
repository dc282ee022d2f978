"""Decides which records are gone according to a listing that was read to its end: pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from a4s_pipeline.gateway.listing.listing import Listing

KEPT_MOVING = "the listing kept moving while it was read"
BROKE_OFF = "the listing broke off"
# Fewer than this may be replaced in a day's work.
FEWEST_REPLACED = 20


@dataclass(frozen=True)
class Reading:
    """The result of one reading of a listing.

    `is_whole`: everything was seen. `agrees`: the previous reading was identical. `doubt`: why it may still
    have left a record out. `listed` counts its records, `stored` those of the store; of the stored ones,
    `new` came in this sync and `missing` were not listed. `elsewhere` counts listed records that the store
    knows, but not among `stored`: they are set aside or outside the span. `lists_others`: the listing is part
    of one that is known to have other records, so it may be empty.
    """

    is_whole: bool
    agrees: bool
    doubt: str | None
    listed: int
    stored: int
    missing: int
    new: int = 0
    elsewhere: int = 0
    lists_others: bool = False

    @property
    def known(self) -> int:
        """How many of the listed records were stored before this sync."""
        return max(0, self.stored - self.new - self.missing)

    @property
    def lists_strangers(self) -> bool:
        """Tell whether most stored records are missing, and most listed ones were never stored."""
        most_are_missing = self.missing >= FEWEST_REPLACED and self.missing > self.known
        return most_are_missing and self.strangers > self.known

    @property
    def strangers(self) -> int:
        """How many listed records the store did not know before this sync."""
        return max(0, self.listed - self.known - self.elsewhere)


class Verdict(Enum):
    """What a reading allows."""

    DONE = "nothing is gone"
    REMOVE = "what is missing is gone"
    WITHHOLD = "nothing may be taken for gone"
    READ_AGAIN = "only another reading can tell"


@dataclass(frozen=True)
class Removal:
    """The verdict, and if nothing counts as gone, the reason."""

    verdict: Verdict
    withheld: str | None = None


def reading_of(
    listing: Listing,
    *,
    stored: int,
    missing: int,
    new: int = 0,
    elsewhere: int = 0,
    lists_others: bool = False,
) -> Reading:
    """Return the result of the last reading of a listing, compared with the store."""
    return Reading(
        is_whole=listing.is_whole,
        agrees=listing.agrees,
        doubt=listing.doubt,
        listed=listing.seen,
        stored=stored,
        missing=missing,
        new=new,
        elsewhere=elsewhere,
        lists_others=lists_others,
    )


def removal_of(reading: Reading, what: str) -> Removal:
    """Decide what a reading means for records that are stored but were not listed.

    A missing record is gone only if a second reading is identical, whatever the gateway's total: if one
    record goes while another comes, the total stays the same and a third record moves from the next page to
    the one already read; and a total may be that of a page, or include records that are never listed. If
    nearly everything was replaced at once, another administration may have answered, or codes are spelled
    differently or left out. The next sync knows the new codes: if it finds the same, they are the truth.
    """
    if not reading.is_whole:
        return Removal(Verdict.READ_AGAIN, KEPT_MOVING)
    if reading.missing == 0:
        return Removal(Verdict.DONE)
    if not reading.agrees:
        return Removal(Verdict.READ_AGAIN, KEPT_MOVING)
    if reading.listed == 0 and not reading.lists_others:
        return Removal(
            Verdict.WITHHOLD, f"the listing came back empty, where {reading.stored} {what} are stored"
        )
    if reading.lists_strangers:
        return Removal(Verdict.WITHHOLD, _strangers(reading, what))
    return Removal(Verdict.REMOVE if reading.doubt is None else Verdict.WITHHOLD, reading.doubt)


def _strangers(reading: Reading, what: str) -> str:
    stored, others = reading.known + reading.missing, reading.strangers
    return (
        f"of {stored:,} {what} stored before {reading.missing:,} are not listed, and of {reading.listed:,} "
        f"that are listed {others:,} were not stored, as if another administration had answered, or codes "
        "were written in another way"
    )
