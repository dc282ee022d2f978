"""What a check-up finds in the pages of a stream: a pure function of three pages."""

from __future__ import annotations

from collections.abc import Sequence

from a4s_pipeline.gateway.checkup.checkup_findings import SHOW_OPERATOR, Checked, Outcome
from a4s_pipeline.gateway.listing.page import Page

_PAGING = "paging"
_READ_OTHERWISE = f"{SHOW_OPERATOR}: a sync imports all that is listed, but reads it twice to be sure"
_LEFT_OUT = f"{SHOW_OPERATOR}: records on such a page cannot be imported, and nothing counts as gone"


def pages_of_stream(stream: str, first: Page, second: Page | None, last: Page | None) -> Checked:
    """Judge the first page of a stream, the one after it, and the last one by the total.

    `first` was asked for with the page size of a sync; `second` with the size that came if that was less:
    then it follows the first however the gateway skips. A page not asked for is None.
    """
    told = _of_pages(stream, first, second) or _of_total(stream, first, second, last)
    if told is None:
        return Checked(_PAGING, Outcome.OK, f"the pages of the {stream} follow one another")
    return Checked(_PAGING, Outcome.WARNING, *told)


def joined(findings: Sequence[Checked]) -> Checked:
    """Return the worst finding of several streams, with what is wrong in the others."""
    bad = [finding for finding in findings if finding.verdict in {Outcome.WARNING, Outcome.FAILED}]
    if not bad:
        return findings[0]
    is_failed = any(finding.verdict is Outcome.FAILED for finding in bad)
    message = "; ".join(dict.fromkeys(finding.message for finding in bad))
    return Checked(_PAGING, Outcome.FAILED if is_failed else Outcome.WARNING, message, bad[0].advice)


def _of_total(stream: str, first: Page, second: Page | None, last: Page | None) -> tuple[str, str] | None:
    rows, total, asked = len(first.items), first.total_count, first.asked or first.size
    follows = second is not None and bool(second.items)
    if total is None:
        missing = f"the pages of the {stream} have no totalCount that is a number"
        return (missing, _READ_OTHERWISE) if rows else None
    if follows and total <= rows:
        is_cap = f", {asked} were asked for" if rows < asked else ""
        message = (
            f"totalCount of the {stream} is {total:,}, that of the page{is_cap}, and more {stream} follow"
        )
        return message, _READ_OTHERWISE
    if last is not None and last.asked:
        expected = total - last.number * last.asked
        if rows == asked and len(last.items) != expected:
            message = (
                f"totalCount of the {stream} is {total:,}, and page {last.number:,}, the last by it, holds "
                f"{len(last.items)} and not {expected}"
            )
            return message, _READ_OTHERWISE
    return None


def _of_pages(stream: str, first: Page, second: Page | None) -> tuple[str, str] | None:
    rows, total, asked = len(first.items), first.total_count or 0, first.asked or first.size
    if rows < min(asked, total):
        message = (
            f"page 0 of the {stream} holds {rows}, where {asked} were asked for and totalCount is {total:,}"
        )
        if not rows:
            return message, _LEFT_OUT
        return message, f"if its pages always hold {rows}, set A4S_PAGE_SIZE to {rows}; {_READ_OTHERWISE}"
    if second is None:
        return None
    if not second.items and total > rows:
        return f"page 1 of the {stream} is empty, where totalCount is {total:,}", _LEFT_OUT
    if any(record in first.items for record in second.items):
        return f"page 1 of the {stream} repeats a record of page 0", _READ_OTHERWISE
    return None
