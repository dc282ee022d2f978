"""Answers to a POST that leave its outcome open: it is looked up before anything is reported."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.answers import Answered
from a4s_pipeline.warehouse.file.opened import STORAGE
from a4s_pipeline.warehouse.rows.ondemand.ledger import CUSTOMER_LEDGER
from a4s_pipeline_tests.ondemand.conftest import RESEND_AFTER, Site, intake
from a4s_pipeline_tests.support.nightly import at_night
from a4s_sandbox import Faults
from a4s_sandbox.answers.replies import Reply, problem

BOS = {"customerCode": "K9", "name": "Bos & Zn"}
ALREADY = Reply(409, b'{"message": "order already exists"}')
INCONCLUSIVE = {
    "409 in a shape of its own": ALREADY,
    "409 with a text": Reply(409, b"in progress", "text/plain"),
    "409 without a body": Reply(409, b""),
    "409 with a page": Reply(409, b"<html>conflict</html>"),
    "409 in progress": problem(409, "RequestInProgress", "Still busy."),
    "409 with another's code": problem(409, "DuplicateLines", "no"),
    "409 of history": problem(409, "FocusConnectorNotConfigured", "no"),
    "409 with numbers and no code": Reply(409, b'{"orderId": "77", "externalId": "ext-77"}'),
    "409 of another one": problem(
        409, "DuplicateExternalId", "there", orderId="77", externalId="IO-77", customerCode="K77"
    ),
    "302": Reply(302, b"", headers=(("Location", "/elsewhere"),)),
    "303": Reply(303, b"", headers=(("Location", "/elsewhere"),)),
    "307": Reply(307, b"", headers=(("Location", "/elsewhere"),)),
    "202": Reply(202, b'{"orderId": "77", "orderNumber": "77", "externalId": "ext-77"}'),
    "202 without a body": Reply(202, b""),
    "201 without a body": Reply(201, b""),
    "204": Reply(204, b""),
    "201 without numbers": Reply(201, b"{}"),
    "201 with null": Reply(201, b'{"orderId": null, "externalId": null}'),
    "201 with a list": Reply(201, b"[]"),
    "200 with true": Reply(200, b"true"),
}

# Both kinds are sent by the same code; what was booked is looked up after each answer to either.
SOME = tuple(INCONCLUSIVE)[::4]


@pytest.fixture
def site(patient_site: Site) -> Iterator[Site]:
    """A site that waits for every answer and keeps its warehouse open, so that no answer is late."""
    with duckdb.connect(str(patient_site.settings.warehouse_path), config=STORAGE):
        yield patient_site


def send(site: Site, what: str) -> Answered:
    return site.export(intake()) if what == "order" else site.create(BOS)


def settle(site: Site, what: str) -> Answered:
    """Settle unknown outcomes, as the on-demand run does at its start and every 30 s."""
    settled = site.orders().settle("IO-1") if what == "order" else site.customers().settle("K9")
    assert settled is not None
    return settled


def sent(site: Site) -> int:
    """How often something was sent, booked or not."""
    return site.posts() + site.gateway.not_booked


def is_ok(site: Site, what: str, answered: Answered) -> bool:
    """Tell whether it is answered with its booking numbers, once."""
    told = answered.answer or {}
    if what == "order":
        [booked] = site.source.booked
        return answered.status == "ok" and told["orderId"] == booked.order_id
    return answered.status == "ok" and told["externalId"] == site.source.external_id_of("K9")


def restarted(site: Site) -> None:
    """Make the back office and the ledger forget everything sent before."""
    site.source.booked.clear()
    if "K9" in site.source.customers:
        site.source.remove_customer("K9")
    for table in ("order_exports", "order_export_attempts", "created_customers"):
        site.query(f"DELETE FROM {table}")
    site.gateway.after_booking.clear()
    site.gateway.instead_of_booking.clear()
    site.gateway.clear()
    site.gateway.not_booked = 0


@pytest.mark.parametrize("what", ["order", "customer"])
def test_what_was_booked_is_found_before_anything_is_said(site: Site, what: str) -> None:
    for name, reply in INCONCLUSIVE.items():
        restarted(site)
        site.gateway.after_booking = [reply]
        assert is_ok(site, what, send(site, what)), name
        assert sent(site) == 1, name


@pytest.mark.parametrize(
    ("what", "names"),
    [("order", tuple(INCONCLUSIVE)), ("customer", SOME), *at_night(("customer", tuple(INCONCLUSIVE)))],
)
def test_what_was_not_booked_is_unknown_until_its_time_is_over_and_then_sent_again(
    site: Site, what: str, names: tuple[str, ...]
) -> None:
    for name in names:
        reply = INCONCLUSIVE[name]
        restarted(site)
        site.gateway.instead_of_booking = [reply]
        assert send(site, what).status == "unknown", name
        site.clock.move(RESEND_AFTER - 0.001)
        assert send(site, what).status == "unknown", name
        assert sent(site) == 1, name
        site.clock.move(0.001)
        assert is_ok(site, what, send(site, what)), name
        assert sent(site) == 2, name


@pytest.mark.parametrize("what", ["order", "customer"])
def test_what_is_answered_like_that_time_and_again_is_refused_with_the_gateways_words(
    site: Site, what: str
) -> None:
    site.gateway.instead_of_booking = [problem(409, "CreditLimit", "No credit left.")] * 3
    answers = [send(site, what)]
    for _ in range(4):
        site.clock.move(RESEND_AFTER)
        answers.append(settle(site, what))
    settled = answers[-1]
    # Sent again once; then nobody but its sender sends it again.
    statuses = [answered.status for answered in answers]
    assert statuses == ["unknown", "unknown", "refused", "refused", "refused"]
    assert sent(site) == 2
    assert settled.error is not None
    assert settled.error["code"] == "CreditLimit"
    assert "It says: No credit left." in settled.error["message"]
    assert "sent 2 times" in settled.error["message"]
    assert send(site, what).status == "unknown"
    site.clock.move(RESEND_AFTER)
    # What hands it in again for whoever waits, as the inbox does, is told the same and sends nothing.
    assert send(site, what).status == "refused"
    assert sent(site) == 3
    assert is_ok(site, what, send(site, what))


def test_other_content_takes_the_place_of_what_was_refused_in_the_end(site: Site) -> None:
    site.gateway.instead_of_booking = [ALREADY, ALREADY, ALREADY]
    for _ in range(2):
        assert site.export(intake()).status == "unknown"
        site.clock.move(RESEND_AFTER)
    assert site.export(intake(notes="other")).status == "unknown"
    site.clock.move(RESEND_AFTER)
    # It is another order, and so not answered like that for the third time.
    assert site.export(intake(notes="other")).status == "ok"
    assert exact_json.loads(site.gateway.calls("export_order")[-1].body)["notes"] == "other"


def test_a_look_up_that_fails_leaves_it_unknown_and_keeps_the_gateways_word(site: Site) -> None:
    site.gateway.after_booking = [ALREADY]
    site.gateway.faults = Faults(script={"exported_order": ["server_error"] * 5})
    answered = site.export(intake())
    assert (answered.status, site.booked()) == ("unknown", {"IO-1": 1})
    assert answered.error is not None
    assert answered.error["code"] == "Conflict"
    assert "It says: order already exists" in answered.error["message"]
    assert site.export(intake()).status == "ok"
    assert sent(site) == 1


def test_the_ledger_and_the_look_ups_after_it_keep_the_gateways_word(site: Site) -> None:
    site.gateway.instead_of_booking = [ALREADY]
    site.export(intake())
    again = site.export(intake())
    assert again.error is not None
    assert again.error["code"] == "OutcomeUnknown"
    assert "does not show 'IO-1' yet" in again.error["message"]
    assert "order already exists" in again.error["message"]
    assert exact_json.loads(site.row()["response"])["code"] == "Conflict"


# A customer that the back office writes otherwise.


@pytest.mark.parametrize("code", ["                K9", "K9  ", "k9", " k9 "])
def test_a_customer_listed_but_for_blanks_or_letter_case_is_the_one_and_is_named(
    site: Site, code: str
) -> None:
    site.gateway.instead_of_booking = [Reply(201, b"lost")]
    assert site.create(BOS).status == "unknown"
    site.source.put_customer({"customerCode": code, "name": "Bos", "externalId": "ext-9"})
    site.clock.move(2 * RESEND_AFTER)
    found = Answered("ok", {"customerCode": "K9", "externalId": "ext-9", "foundAs": code})
    assert site.create(BOS) == found
    assert site.create(BOS) == found
    assert sent(site) == 1
    entry = site.ledger(CUSTOMER_LEDGER).entry("K9")
    assert entry is not None
    assert exact_json.loads(entry.row["response"])["foundAs"] == code


def test_a_customer_listed_without_a_code_is_nobody(site: Site) -> None:
    site.gateway.instead_of_booking = [Reply(201, b"lost")]
    nameless = BOS | {"customerCode": "None"}
    assert site.create(nameless).status == "unknown"
    site.source.put_customer({"customerCode": None, "name": "Bos", "externalId": "ext-9"})
    site.clock.move(2 * RESEND_AFTER)
    assert (site.create(nameless).status, sent(site)) == ("ok", 2)


def test_a_customer_listed_to_the_letter_comes_before_one_that_is_alike(site: Site) -> None:
    site.gateway.instead_of_booking = [ALREADY]
    for number, code in enumerate([" K9", "k9", "K9"]):
        site.source.put_customer({"customerCode": code, "name": "Bos", "externalId": f"ext-{number}"})
    assert site.create(BOS) == Answered("ok", {"customerCode": "K9", "externalId": "ext-2"})


@pytest.mark.parametrize("told", ["K9", " k9 ", 9])
def test_an_answer_that_names_the_code_otherwise_is_still_its_answer(site: Site, told: Any) -> None:
    code = str(told).strip().upper()
    site.gateway.instead_of_booking = [
        Reply(201, exact_json.dumps({"externalId": "ext-9", "customerCode": told}).encode())
    ]
    answered = site.create({**BOS, "customerCode": code})
    assert answered == Answered("ok", {"customerCode": code, "externalId": "ext-9"})


def test_a_listing_whose_total_is_off_is_believed_when_two_readings_agree(site: Site) -> None:
    """A total that counts unlisted records would otherwise keep a lost creation unknown for ever."""
    site.gateway.instead_of_booking = [Reply(201, b"lost")]
    site.create(BOS)
    site.clock.move(RESEND_AFTER)
    site.gateway.faults = Faults(repeat_rows=0)
    original = site.gateway.exchange

    def exchange(method: str, target: str, headers: Any, body: bytes) -> Any:
        outcome = original(method, target, headers, body)
        if method == "GET" and outcome.reply is not None and b'"totalCount":1' in outcome.reply.body:
            outcome.reply.body = outcome.reply.body.replace(b'"totalCount":1', b'"totalCount":4')
        return outcome

    site.gateway.exchange = exchange  # type: ignore[method-assign]
    answered = site.create(BOS)
    assert answered.status == "ok"
    assert sent(site) == 2


# An answer of another order is no answer.


def test_a_look_up_that_names_another_order_says_nothing(site: Site) -> None:
    site.gateway.after_booking = [Reply(201, b"lost")]
    site.export(intake())
    site.clock.move(2 * RESEND_AFTER)
    site.gateway.world.administrations["Demo B.V."].booked[0].external_id = "IO-1"
    original = site.gateway.exchange

    def exchange(method: str, target: str, headers: Any, body: bytes) -> Any:
        outcome = original(method, target, headers, body)
        if outcome.reply is not None and outcome.reply.status == 200:
            outcome.reply.body = b'{"orderId": "7", "externalId": "IO-2"}'
        return outcome

    site.gateway.exchange = exchange  # type: ignore[method-assign]
    assert site.export(intake()).status == "unknown"
    site.gateway.exchange = original  # type: ignore[method-assign]
    assert site.export(intake()).status == "ok"
    assert site.booked() == {"IO-1": 1}
