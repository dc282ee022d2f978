from datetime import timedelta

import pytest

from a4s_pipeline.errors import (
    A4sError,
    AccessDenied,
    ChangeRequest,
    ChangeSite,
    GatewayUnavailable,
    HistoryNotConfigured,
    NotThere,
    ReplyUnreadable,
    UnknownAdministration,
)
from a4s_pipeline.ondemand.sending.ledger_rules import (
    Step,
    may_be_replaced,
    may_believe_absence,
    next_step,
    status_after,
)
from a4s_pipeline.warehouse.rows.ondemand.ledger import Entry
from a4s_pipeline_tests.ondemand.conftest import NOW

MINUTE = timedelta(minutes=1)


def entry(status: str, fingerprint: str | None = "this") -> Entry:
    return Entry("IO-1", status, fingerprint, 1, NOW, {})


@pytest.mark.parametrize(
    ("status", "same", "other", "whatever"),
    [
        ("pending", Step.SEND, Step.SEND, Step.SEND),
        ("refused", Step.SEND, Step.SEND, Step.SEND),
        ("failed", Step.SEND, Step.SEND, Step.SEND),
        ("sending", Step.LOOK_UP, Step.LOOK_UP, Step.LOOK_UP),
        ("unknown", Step.LOOK_UP, Step.LOOK_UP, Step.LOOK_UP),
        ("ok", Step.ANSWER, Step.REFUSE, Step.ANSWER),
    ],
)
def test_what_comes_next_follows_from_the_status_and_the_content(
    status: str, same: Step, other: Step, whatever: Step
) -> None:
    assert next_step(entry(status), "this") is same
    assert next_step(entry(status), "other") is other
    assert next_step(entry(status), None) is whatever


def test_what_the_ledger_does_not_know_is_sent() -> None:
    assert next_step(None, "this") is Step.SEND


@pytest.mark.parametrize(
    ("status", "is_replaced"),
    [("refused", True), ("failed", True), ("sending", False), ("unknown", False), ("ok", False)],
)
def test_other_content_replaces_only_what_is_certainly_not_booked(status: str, is_replaced: bool) -> None:
    assert may_be_replaced(entry(status)) is is_replaced


@pytest.mark.parametrize(
    ("passed", "is_believed"),
    [
        (-MINUTE, False),
        (timedelta(0), False),
        (MINUTE - timedelta(microseconds=1), False),
        (MINUTE, True),
        (2 * MINUTE, True),
    ],
)
def test_not_there_is_believed_once_the_time_to_book_is_over(passed: timedelta, is_believed: bool) -> None:
    assert may_believe_absence(NOW, NOW + passed, MINUTE) is is_believed


def test_not_there_is_believed_of_what_was_never_sent() -> None:
    assert may_believe_absence(None, NOW, MINUTE)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ChangeRequest("422", code="ValidationFailed"), "refused"),
        (NotThere("404 to a POST"), "refused"),
        (AccessDenied("401"), "failed"),
        (UnknownAdministration("404"), "failed"),
        (HistoryNotConfigured("409"), "failed"),
        (ChangeSite("the certificate", code="CertificateInvalid"), "failed"),
        (GatewayUnavailable("turned away at the door", is_untaken=True), "failed"),
        (GatewayUnavailable("busy for so long", wait_seconds=3, is_untaken=True), "failed"),
        (GatewayUnavailable("no answer in time"), "unknown"),
        (GatewayUnavailable("502 with Retry-After", wait_seconds=3), "unknown"),
        (ReplyUnreadable("cut off"), "unknown"),
        (ChangeSite("a header that cannot be read came with the answer"), "unknown"),
        (A4sError("whatever else"), "unknown"),
    ],
)
def test_only_what_certainly_did_not_reach_the_back_office_is_failed(error: A4sError, status: str) -> None:
    assert status_after(error) == status
