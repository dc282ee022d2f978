import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from a4s_pipeline.files import exact_json
from a4s_pipeline.gateway import sending
from a4s_pipeline.ondemand import customer_creation
from a4s_pipeline.ondemand.answers import Answered
from a4s_pipeline.warehouse.rows.ondemand.ledger import CUSTOMER_LEDGER
from a4s_pipeline_tests.ondemand.conftest import NOW, PATIENCE, RESEND_AFTER, Killed, Site
from a4s_sandbox import Faults
from a4s_sandbox.answers.replies import Reply, problem

BOS = {
    "customerCode": "K9",
    "name": "Bos & Zn",
    "vatNumber": "NL1",
    "addresses": [{"type": "Visit", "city": "Utrecht"}],
    "contactDetails": [{"type": "Email", "value": "bos@example.com"}],
}


def scripted(*faults: str, **more: Any) -> Faults:
    return Faults(script={"create_customer": list(faults)}, **more)


def row(site: Site) -> dict[str, Any]:
    entry = site.ledger(CUSTOMER_LEDGER).entry("K9")
    assert entry is not None
    return dict(entry.row)


def told(answered: Answered) -> tuple[str, str | None]:
    return answered.status, answered.error["code"] if answered.error else None


def created(site: Site) -> Answered:
    """How a creation is answered once the back office has the customer."""
    return Answered("ok", {"customerCode": "K9", "externalId": site.source.external_id_of("K9")})


def fill(site: Site, count: int, page_size: int = 2) -> None:
    """Put customers into the listing, which the site reads in small pages."""
    for number in range(count):
        site.source.put_customer({"customerCode": f"C{number:03d}", "name": "x"})
    site.settings = site.settings.model_copy(update={"page_size": page_size})


def test_a_customer_is_created_and_its_identifier_kept(site: Site) -> None:
    assert site.create(BOS) == created(site)
    [post] = site.gateway.calls("create_customer")
    assert exact_json.loads(post.body) == BOS
    kept = row(site)
    assert kept["payload"].encode() == post.body
    assert (kept["status"], kept["external_id"]) == ("ok", site.source.external_id_of("K9"))
    assert kept["received_at"] == kept["last_sent_at"] == kept["settled_at"] == NOW


def test_the_same_customer_again_is_answered_without_a_call(site: Site) -> None:
    site.create(BOS)
    site.gateway.clear()
    assert site.create(BOS) == created(site)
    assert site.calls() == 0


def test_other_content_under_a_known_code_creates_nothing_and_says_what_differs(site: Site) -> None:
    site.create(BOS)
    site.gateway.clear()
    other = {**BOS, "name": "Another", "cocNumber": "1", "vatNumber": None}
    answered = site.create(other)
    assert answered.status == "ok"
    assert answered.answer == {
        **(created(site).answer or {}),
        "created": False,
        "differs": ["name", "cocNumber", "vatNumber"],
    }
    assert site.calls() == 0
    assert site.create(BOS) == created(site)


def test_an_invalid_customer_is_refused_with_its_faults_before_any_call(site: Site) -> None:
    answered = site.create({"customerCode": "K9", "phone": "1"})
    assert told(answered) == ("refused", "Invalid")
    assert answered.error is not None
    assert [fault["field"] for fault in answered.error["fields"]] == ["name", "phone"]
    assert site.calls() == 0


def test_a_code_that_is_taken_is_success_with_the_identifier_behind_it(site: Site) -> None:
    site.source.put_customer({"customerCode": "K9", "name": "Bos", "externalId": "ext-9"})
    assert site.create(BOS) == Answered("ok", {"customerCode": "K9", "externalId": "ext-9"})
    assert not site.gateway.calls("customers")


def test_a_code_that_is_taken_without_an_identifier_is_looked_up(site: Site) -> None:
    site.gateway.after_booking = [problem(409, "DuplicateCustomerCode", "there")]
    assert site.create(BOS) == created(site)


def test_a_refused_customer_may_be_corrected(site: Site) -> None:
    assert told(site.create({**BOS, "name": " "})) == ("refused", "ValidationFailed")
    assert site.create(BOS) == created(site)
    first, second = (post.headers["Idempotency-Key"] for post in site.gateway.calls("create_customer"))
    assert first != second


@pytest.mark.parametrize("fault", ["too_many", "unavailable"])
def test_a_gateway_that_says_it_is_busy_took_nothing(site: Site, fault: str) -> None:
    site.gateway.faults = scripted(fault, retry_after_seconds=0)
    assert told(site.create(BOS)) == ("failed", "GatewayUnavailable")
    assert site.create(BOS) == created(site)
    assert not site.gateway.calls("customers")


@pytest.mark.parametrize(
    "fault",
    ["reset", "lose_post_reply", "hang", "cut", "clipped", "html", "server_error", "bad_gateway"],
)
def test_a_lost_reply_is_settled_by_the_listing_over_all_its_pages(site: Site, fault: str) -> None:
    fill(site, 5)
    site.gateway.faults = scripted(fault, hang_seconds=PATIENCE)
    site.wait_for_answers(0.2 if fault == "hang" else PATIENCE)
    answered = site.create(BOS)
    site.wait_for_answers(PATIENCE)
    assert answered.status == "unknown"
    assert answered.answer == {"customerCode": "K9", "externalId": None}
    is_there = "K9" in site.source.customers
    again = site.create(BOS)
    assert again == created(site) if is_there else told(again) == ("unknown", "OutcomeUnknown")
    pages = ["0", "1", "2", "3"]
    # "Not there" takes two readings that agree, the second in pages of another size.
    asked = [page.query["page"] for page in site.gateway.calls("customers")]
    assert asked == (pages if is_there else [*pages, *"0123456"])
    site.clock.move(RESEND_AFTER)
    assert site.create(BOS) == created(site)
    assert site.posts() == (1 if is_there else 2)


def test_not_there_is_not_believed_before_its_time(site: Site) -> None:
    site.gateway.faults = scripted("reset")
    site.create(BOS)
    site.clock.move(RESEND_AFTER - 0.001)
    assert told(site.create(BOS)) == ("unknown", "OutcomeUnknown")
    assert (site.posts(), row(site)["status"]) == (1, "unknown")


def test_a_listing_that_moves_leaves_it_unknown_and_nothing_is_sent(site: Site) -> None:
    fill(site, 5)
    site.gateway.faults = scripted("reset")
    site.create(BOS)
    site.clock.move(2 * RESEND_AFTER)
    newcomers = iter(range(100))

    def arrives(route: str, administration: str, page: int) -> None:
        if page == 0:
            site.source.put_customer({"customerCode": f"A{next(newcomers)}", "name": "x"})

    site.gateway.faults.on_page = arrives
    assert told(site.create(BOS)) == ("unknown", "ReplyUnreadable")
    assert site.posts() == 1
    site.gateway.faults.on_page = None
    assert site.create(BOS) == created(site)
    assert site.posts() == 2


def test_a_row_that_slips_to_a_page_already_read_is_found_by_a_second_reading(site: Site) -> None:
    fill(site, 5)
    site.gateway.faults = scripted("lose_post_reply")
    site.create(BOS)
    site.clock.move(2 * RESEND_AFTER)

    def removes(route: str, administration: str, page: int) -> None:
        if page == 2 and "C000" in site.source.customers:
            site.source.remove_customer("C000")

    # The customer looked for stands first on page 3, and last on page 2 once a row before it is gone.
    site.gateway.faults.on_page = removes
    assert site.create(BOS) == created(site)
    assert site.posts() == 1


def test_rows_that_come_twice_count_once(site: Site) -> None:
    fill(site, 5)
    site.gateway.faults = scripted("reset", repeat_rows=1)
    site.create(BOS)
    site.clock.move(2 * RESEND_AFTER)
    assert site.create(BOS) == created(site)
    assert site.posts() == 2


@pytest.mark.parametrize("route", ["server_error", "html", "cut"])
def test_a_listing_that_cannot_be_read_says_nothing(site: Site, route: str) -> None:
    site.gateway.faults = Faults(script={"create_customer": ["lose_post_reply"], "customers": [route] * 5})
    site.create(BOS)
    site.clock.move(2 * RESEND_AFTER)
    assert site.create(BOS).status == "unknown"
    assert site.create(BOS) == created(site)
    assert site.posts() == 1


def test_a_customer_code_that_comes_back_as_a_number_is_recognised(site: Site) -> None:
    site.gateway.instead_of_booking = [Reply(201, b"lost")]
    site.create({**BOS, "customerCode": "1001"})
    site.source.customers.put("1001", b'{"customerCode": 1001, "name": "Bos", "externalId": 77}')
    site.clock.move(2 * RESEND_AFTER)
    answered = site.create({**BOS, "customerCode": "1001"})
    assert answered == Answered("ok", {"customerCode": "1001", "externalId": "77"})
    assert not site.gateway.calls("create_customer")


def test_a_listed_customer_without_an_identifier_still_exists(site: Site) -> None:
    site.gateway.instead_of_booking = [Reply(201, b"lost")]
    site.create(BOS)
    site.source.put_customer({"customerCode": "K9", "name": "Bos"})
    assert site.create(BOS) == Answered("ok", {"customerCode": "K9", "externalId": None})


def test_settling_looks_it_up_and_sends_again_what_was_not_taken(site: Site) -> None:
    site.gateway.faults = scripted("reset")
    site.create(BOS)
    assert site.customers().settle("K8") is None
    early = site.customers().settle("K9")
    assert early is not None
    assert early.status == "unknown"
    site.clock.move(RESEND_AFTER)
    assert site.customers().settle("K9") == created(site)
    first, second = site.gateway.calls("create_customer")
    assert first.body == second.body
    assert row(site)["attempts"] == 2
    assert row(site)["last_sent_at"] == NOW + timedelta(seconds=RESEND_AFTER)


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_process_killed_around_its_send_is_settled_by_look_up(
    site: Site, monkeypatch: pytest.MonkeyPatch, is_sent: bool
) -> None:
    def killed(*given: Any) -> Any:
        if is_sent:
            sending.create_customer(*given)
        raise Killed

    monkeypatch.setattr(customer_creation, "create_customer", killed)
    with pytest.raises(Killed):
        site.create(BOS)
    monkeypatch.undo()
    assert row(site)["status"] == "sending"
    assert site.create(BOS).status == ("ok" if is_sent else "unknown")
    site.clock.move(RESEND_AFTER)
    assert site.create(BOS) == created(site)
    assert site.posts() == 1


def test_threads_with_the_same_customer_send_it_once(patient_site: Site) -> None:
    patient_site.gateway.latency_ms = 50
    start = threading.Barrier(3)

    def create(_: int) -> Answered:
        start.wait(30)
        return patient_site.create(BOS)

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(create, range(3)))
    assert answers == [created(patient_site)] * 3
    assert patient_site.posts() == 1
