from datetime import timedelta
from typing import Any

from a4s_pipeline.errors import (
    A4sError,
    AccessDenied,
    ChangeRequest,
    ChangeSite,
    GatewayUnavailable,
    HistoryNotConfigured,
    Inconclusive,
    NotThere,
    ReplyUnreadable,
    UnknownAdministration,
)
from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.sending.ledger_rules import (
    BY_HAND,
    Step,
    Word,
    is_last_word,
    marks_when_closed,
    marks_when_sent,
    may_be_replaced,
    may_believe_absence,
    next_step,
    next_word,
    numbers_told,
    status_after,
    word_of,
)
from a4s_pipeline.warehouse.rows.ondemand.ledger import CUSTOMER_LEDGER, ORDER_LEDGER, Entry
from a4s_pipeline_tests.ondemand.conftest import NOW

MINUTE = timedelta(minutes=1)


def entry(status: str, fingerprint: str | None = "this", **row: Any) -> Entry:
    return Entry("IO-1", status, fingerprint, 1, NOW, row)


def test_what_comes_next_follows_from_the_status_and_the_content() -> None:
    for status, same, other, whatever in [
        ("pending", Step.SEND, Step.SEND, Step.SEND),
        ("refused", Step.SEND, Step.SEND, Step.SEND),
        ("failed", Step.SEND, Step.SEND, Step.SEND),
        ("sending", Step.LOOK_UP, Step.LOOK_UP, Step.LOOK_UP),
        ("unknown", Step.LOOK_UP, Step.LOOK_UP, Step.LOOK_UP),
        ("ok", Step.ANSWER, Step.REFUSE, Step.ANSWER),
    ]:
        steps = [next_step(entry(status), fingerprint) for fingerprint in ("this", "other", None)]
        assert steps == [same, other, whatever], status
    assert next_step(None, "this") is Step.SEND


def test_other_content_replaces_only_what_is_certainly_not_booked() -> None:
    statuses = ("refused", "failed", "sending", "unknown", "ok")
    assert [status for status in statuses if may_be_replaced(entry(status))] == ["refused", "failed"]


def test_not_there_is_believed_once_the_time_to_book_is_over() -> None:
    for passed, is_believed in [
        (-MINUTE, False),
        (timedelta(0), False),
        (MINUTE - timedelta(microseconds=1), False),
        (MINUTE, True),
        (2 * MINUTE, True),
    ]:
        assert may_believe_absence(NOW, NOW + passed, MINUTE) is is_believed, passed
    assert may_believe_absence(None, NOW, MINUTE), "what was never sent"


def test_only_what_certainly_did_not_reach_the_back_office_is_failed() -> None:
    for error, status in [
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
    ]:
        assert status_after(error) == status, error


MARKED = {"unknown_at": NOW}
EARLIER = NOW - MINUTE


def test_whom_to_tell_of_is_what_was_unknown_to_its_sender() -> None:
    for before, status, kind, marks in [
        (None, "unknown", "send", MARKED),
        (None, "unknown", "look_up", MARKED),
        (None, "ok", "send", {}),
        (None, "ok", "look_up", {}),
        (None, "refused", "prepare", {}),
        (entry("sending"), "ok", "send", {}),
        (entry("sending"), "refused", "send", {}),
        (entry("sending"), "unknown", "send", MARKED),
        # Its process died while it was sent: the sender got no answer.
        (entry("sending"), "ok", "look_up", MARKED),
        (entry("sending"), "failed", BY_HAND, MARKED),
        (entry("unknown"), "ok", "look_up", MARKED),
        (entry("unknown"), "ok", BY_HAND, MARKED),
        (entry("unknown"), "ok", "send", {}),
        (entry("unknown", unknown_at=None), "ok", "look_up", MARKED),
        # The mark tells since when, so it stays.
        (entry("unknown", unknown_at=EARLIER), "ok", "look_up", {}),
        (entry("unknown", unknown_at=EARLIER), "unknown", "look_up", {}),
        # The sender knows of a refusal.
        (entry("refused"), "ok", "look_up", {}),
        (entry("failed"), "ok", BY_HAND, {}),
    ]:
        assert marks_when_closed(before, status, kind, NOW) == marks, (before, status, kind, marks)


def test_what_is_sent_again_after_its_sender_was_told_is_announced_again() -> None:
    for before, marks in [
        (None, {}),
        (entry("failed"), {}),
        (entry("failed", unknown_at=NOW), {}),
        (entry("failed", unknown_at=NOW, announced_at=None), {}),
        (entry("failed", unknown_at=NOW, announced_at=NOW), {"unknown_at": None, "announced_at": None}),
    ]:
        assert marks_when_sent(before) == marks, before


NUMBERS = {"orderId": "77", "orderNumber": "TP77", "externalId": "IO-1"}


def test_only_the_contracts_own_code_says_under_which_numbers_it_is_booked() -> None:
    for code, known, kind, numbers in [
        ("DuplicateExternalId", NUMBERS, ORDER_LEDGER, {"orderId": "77", "orderNumber": "TP77"}),
        ("DuplicateExternalId", {"orderId": "77"}, ORDER_LEDGER, {"orderId": "77"}),
        ("DuplicateExternalId", {}, ORDER_LEDGER, {}),
        ("RequestInProgress", NUMBERS, ORDER_LEDGER, {}),
        ("DuplicateExternalId", NUMBERS, CUSTOMER_LEDGER, {}),
        ("DuplicateCustomerCode", NUMBERS, CUSTOMER_LEDGER, {"externalId": "IO-1"}),
    ]:
        error = Inconclusive("409", code=code, known=known)
        assert numbers_told(error, kind) == numbers, (code, known, kind)


def test_the_gateways_word_is_in_the_ledger_with_how_often_it_was_said() -> None:
    first = next_word(Inconclusive("no credit", code="CreditLimit"), None)
    second = next_word(Inconclusive("still none", code="Conflict"), first)
    assert (first, second) == (Word("CreditLimit", "no credit", 1), Word("Conflict", "still none", 2))
    assert [is_last_word(word) for word in (None, first, second)] == [False, False, True]
    assert is_last_word(Word("Conflict", "no", 3))
    assert word_of(entry("unknown", response=second.as_response())) == second
    # Whoever reads the ledger finds an error as the gateway writes one.
    assert exact_json.loads(second.as_response()) == {
        "code": "Conflict",
        "message": "still none",
        "fields": [],
        "inconclusive": 2,
    }


def test_another_answer_is_no_word() -> None:
    uncounted = ["", ', "inconclusive": null', ', "inconclusive": "2"']
    errors = [f'{{"code": "CreditLimit", "message": "no"{count}}}' for count in uncounted]
    assert word_of(None) is word_of(entry("unknown")) is None
    for response in (None, "", "[]", '"no"', "null", *errors):
        assert word_of(entry("unknown", response=response)) is None, response
