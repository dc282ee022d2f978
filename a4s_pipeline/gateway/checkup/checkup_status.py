"""What a check-up finds in an administration's status: pure functions, each returning one finding."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta

from a4s_pipeline.errors import A4sError, AccessDenied, HistoryNotConfigured, UnknownAdministration
from a4s_pipeline.gateway.calls.client import Reply
from a4s_pipeline.gateway.checkup.checkup_findings import (
    CONFIGURE_FOCUS,
    NO_FOCUS,
    Checked,
    Outcome,
    failure,
    has_answered,
    in_words,
    quoted,
    skipped,
)
from a4s_pipeline.gateway.records.records import Status

OLDEST_HISTORY_SYNC = timedelta(hours=24)
LARGEST_LEAD = timedelta(minutes=5)
LARGEST_CLOCK_OFFSET = timedelta(seconds=60)

_RUN_HISTORY_SYNC = (
    "have the legacy backend's history sync checked: a sync here brings in no more than it did"
)
_SET_CLOCKS = "have the clocks of this machine and of the platform set by a time server"

StatusAnswer = Reply[Status] | A4sError


def why_no_status(error: A4sError) -> str:
    """Say why the status call failed, as the reason for skipping other questions."""
    if not has_answered(error):
        return "the gateway cannot be reached"
    if isinstance(error, AccessDenied):
        return "the gateway refuses the credentials"
    return "the administration gave no status"


def reachable(status: StatusAnswer) -> Checked:
    """Judge whether the gateway can be reached."""
    if isinstance(status, Reply) or has_answered(status):
        return Checked("reachable", Outcome.OK, "the gateway answers")
    return failure("reachable", status)


def credentials(status: StatusAnswer, orders_error: A4sError | None) -> Checked:
    """Judge the credentials by the status and by the orders, which may need other rights."""
    for error in (status, orders_error):
        if isinstance(error, AccessDenied):
            return failure("credentials", error)
    if isinstance(status, A4sError) and not has_answered(status):
        return skipped("credentials", why_no_status(status))
    if isinstance(status, Reply | UnknownAdministration | HistoryNotConfigured):
        return Checked("credentials", Outcome.OK, "the gateway accepts the credentials, or asks for none")
    # A maintenance page or a failing server may answer before the credentials are checked.
    return skipped("credentials", "the gateway's answer does not show whether it takes them")


def administration(status: StatusAnswer, name: str) -> Checked:
    """Judge whether the gateway knows the administration by exactly our name."""
    if isinstance(status, A4sError):
        if isinstance(status, AccessDenied) or not has_answered(status):
            return skipped("administration", why_no_status(status))
        return failure("administration", status)
    told = status.value.administration
    if told is None:
        return Checked(
            "administration", Outcome.OK, f"{name!r} is known, though its status does not repeat it"
        )
    if told == name:
        return Checked("administration", Outcome.OK, f"the status is that of {name!r}")
    shown, ours = quoted(told), quoted(name)
    if unicodedata.normalize("NFC", told) == unicodedata.normalize("NFC", name):
        shown, ours = ascii(told), ascii(name)
    return Checked(
        "administration",
        Outcome.FAILED,
        f"the status is that of {shown}, not of {ours}",
        f"set the AdministrationName of this connector in A4S_CONNECTORS to {shown}, if that one is meant",
    )


def focus_connector(status: Status, orders_error: A4sError | None, *, had_history: bool = False) -> Checked:
    """Judge whether the legacy backend keeps order history, by its status and by the answer to orders.

    Its absence is a state if none was ever imported, and a failure if there was history.
    """
    focus = status.focus_connector
    verdict = Outcome.FAILED if had_history else Outcome.WARNING
    since = ", though orders were imported from here before" if had_history else ""
    if not focus.configured:
        return Checked("focus_connector", verdict, f"{NO_FOCUS}{since}", CONFIGURE_FOCUS)
    if isinstance(orders_error, HistoryNotConfigured):
        message = "the status has a focus connector configured, but the orders answer that there is none"
        return Checked("focus_connector", verdict, f"{message}{since}", CONFIGURE_FOCUS)
    name = quoted(focus.name) if focus.name else "a focus connector without a name"
    return Checked("focus_connector", Outcome.OK, f"{name} is configured")


def last_history_sync(last: datetime | None, now: datetime) -> Checked:
    """Judge the age of the legacy backend's last history sync."""
    name = "last_history_sync"
    if last is None:
        return Checked(name, Outcome.WARNING, "the legacy backend reports no history sync", _RUN_HISTORY_SYNC)
    age = now - last
    if age < -LARGEST_LEAD:
        return Checked(name, Outcome.WARNING, f"lies {in_words(-age)} ahead, at {_moment(last)}", _SET_CLOCKS)
    message = f"{in_words(max(age, timedelta(0)))} ago, at {_moment(last)}"
    if age > OLDEST_HISTORY_SYNC:
        return Checked(name, Outcome.WARNING, message, _RUN_HISTORY_SYNC)
    return Checked(name, Outcome.OK, message)


def clock_offset(clock: datetime, asked_at: datetime, answered_at: datetime) -> timedelta:
    """Return by how much at least the gateway's clock is ahead of ours, given when it was read."""
    # An HTTP date has whole seconds.
    earliest = asked_at.replace(microsecond=0)
    if clock < earliest:
        return clock - earliest
    return max(clock - answered_at, timedelta(0))


def clock(offset: timedelta | None) -> Checked:
    """Judge how far the gateway's clock is ahead of ours; None if the gateway sends no time."""
    if offset is None:
        return skipped("clock", "cannot be checked: the gateway's answers have no Date")
    if abs(offset) <= LARGEST_CLOCK_OFFSET:
        within = f" within {in_words(abs(offset))}" if abs(offset) >= timedelta(seconds=1) else ""
        return Checked("clock", Outcome.OK, f"the gateway's clock and ours agree{within}")
    side = "ahead of" if offset > timedelta(0) else "behind"
    return Checked(
        "clock",
        Outcome.WARNING,
        f"the gateway's clock is {in_words(abs(offset))} {side} ours",
        _SET_CLOCKS,
    )


def _moment(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
