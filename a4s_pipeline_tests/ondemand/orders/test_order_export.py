import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.files import exact_json
from a4s_pipeline.gateway import sending
from a4s_pipeline.ondemand.answers import Answered
from a4s_pipeline.ondemand.orders import order_export
from a4s_pipeline.ondemand.orders.order_export import NOTICE
from a4s_pipeline_tests.ondemand.conftest import (
    ADMINISTRATION,
    NOW,
    PATIENCE,
    RESEND_AFTER,
    Killed,
    Site,
    intake,
)
from a4s_pipeline_tests.support.installed_site import wait_until
from a4s_sandbox import Faults
from a4s_sandbox.answers.replies import Reply, html_page, problem

OTHER = intake(notes="other content")
TOO_LITTLE = RESEND_AFTER - 0.001


def scripted(*faults: str, **more: Any) -> Faults:
    """What happens to each POST at a gateway that never deduplicates."""
    return Faults(script={"export_order": list(faults)}, dedupe=False, **more)


def told(answered: Answered) -> tuple[str, str | None]:
    return answered.status, answered.error["code"] if answered.error else None


@contextmanager
def another_process_holds(path: Path) -> Iterator[None]:
    """Hold the store in another process while the block runs."""
    program = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield
        finally:
            process.communicate()


# What is done is answered from the ledger.


def test_an_order_is_booked_and_answered_with_its_numbers(site: Site) -> None:
    answered = site.export(intake(extra=1))
    [booked] = site.source.booked
    assert answered == Answered(
        "ok",
        {
            "externalId": "IO-1",
            "orderId": booked.order_id,
            "orderNumber": booked.order_number,
            "attempts": 1,
            "notSent": ["extra"],
            "notice": NOTICE,
        },
    )
    assert "after the legacy backend's next history sync" in NOTICE


@pytest.mark.both_stores
def test_the_ledger_holds_what_was_sent_to_the_letter(site: Site) -> None:
    body = '{"itemCode":"A1","quantity":1.10,"price":12345678901234.5678}'
    raw = intake(lines=[exact_json.loads(body)], notes="Café \u0000 – ☕")  # noqa: RUF001
    site.export(raw)
    [post] = site.gateway.calls("export_order")
    row = site.row()
    assert row["payload"].encode() == post.body
    assert body in row["payload"]
    assert exact_json.loads(row["intake"]) == raw
    assert (row["status"], row["customer_code"], row["attempts"]) == ("ok", "K1", 1)
    assert row["received_at"] == row["last_sent_at"] == row["settled_at"] == NOW


@pytest.mark.both_stores
def test_the_same_order_again_is_answered_without_a_call(site: Site) -> None:
    first = site.export(intake())
    site.gateway.clear()
    site.clock.move(5)
    again = intake(lines=[{"quantity": Decimal("2.0"), "price": Decimal("12.5"), "itemCode": "A1"}])
    assert site.export(again) == first
    assert (site.calls(), site.booked()) == (0, {"IO-1": 1})
    assert site.attempts() == [("send", "ok")]


def test_other_content_under_the_id_of_what_is_done_is_refused_without_a_call(site: Site) -> None:
    site.export(intake())
    site.gateway.clear()
    answered = site.export(OTHER)
    assert told(answered) == ("refused", "DuplicateRequest")
    assert answered.error is not None
    assert "sent before with other content and is done" in answered.error["message"]
    assert site.calls() == 0
    assert site.export(intake()).status == "ok"


def test_an_invalid_order_leaves_no_trace_and_is_answered_with_its_faults(site: Site) -> None:
    answered = site.export(intake(customerCode="", lines=[]))
    assert told(answered) == ("refused", "Invalid")
    assert answered.error is not None
    assert [fault["field"] for fault in answered.error["fields"]] == ["customerCode", "lines"]
    assert (site.calls(), site.query("FROM order_exports")) == (0, [])


def test_each_connector_has_a_ledger_of_its_own(site: Site) -> None:
    site.export(intake())
    site.query("UPDATE order_exports SET connector = 'noord'")
    site.query("UPDATE order_export_attempts SET connector = 'noord'")
    site.source.booked.clear()
    assert site.export(OTHER).status == "ok"
    assert site.posts() == 2


# What is refused or failed may be replaced.


def test_what_the_gateway_refuses_is_refused_with_its_fields_and_may_be_corrected(site: Site) -> None:
    answered = site.export(intake(customerCode="K7"))
    assert told(answered) == ("refused", "UnknownCustomer")
    assert answered.error is not None
    assert [fault["field"] for fault in answered.error["fields"]] == ["customerCode"]
    assert site.export(intake()).status == "ok"
    keys = [post.headers["Idempotency-Key"] for post in site.gateway.calls("export_order")]
    assert len(set(keys)) == 2
    assert site.row()["customer_code"] == "K1"
    assert site.attempts() == [("send", "refused"), ("send", "ok")]


def test_a_refused_order_sent_again_is_asked_of_the_gateway_again(site: Site) -> None:
    site.export(intake(customerCode="K7"))
    site.source.put_customer({"customerCode": "K7", "name": "Now there"})
    site.clock.move(60)
    answered = site.export(intake(customerCode="K7"))
    assert answered.status == "ok"
    first, second = site.gateway.calls("export_order")
    assert first.body == second.body
    assert site.row()["received_at"] == NOW


@pytest.mark.parametrize("fault", ["too_many", "too_many_date", "unavailable"])
def test_a_gateway_that_says_it_is_busy_took_nothing(site: Site, fault: str) -> None:
    site.gateway.faults = scripted(fault, retry_after_seconds=0)
    assert told(site.export(intake())) == ("failed", "GatewayUnavailable")
    assert (site.posts(), site.booked()) == (1, {})
    assert site.export(OTHER).status == "ok"
    [booked] = site.source.booked
    assert booked.body["notes"] == "other content"
    assert not site.gateway.calls("exported_order")


def test_a_refused_connection_took_nothing(site: Site) -> None:
    site.gateway.close()
    assert told(site.export(intake())) == ("failed", "GatewayUnavailable")
    assert site.row()["status"] == "failed"


@pytest.mark.parametrize(("status", "code"), [(401, "Unauthorized"), (403, "Forbidden")])
def test_wrong_credentials_took_nothing(site: Site, status: int, code: str) -> None:
    site.gateway.instead_of_booking = [problem(status, code, "no")]
    assert told(site.export(intake())) == ("failed", "AccessDenied")
    assert site.export(intake()).status == "ok"


@pytest.mark.both_stores
def test_replacing_forgets_what_the_earlier_content_left(site: Site) -> None:
    site.gateway.faults = scripted("unavailable", retry_after_seconds=0)
    site.export(intake(extra=1))
    assert site.row()["not_sent"] == '["extra"]'

    def fails(*_: object) -> Any:
        raise RuntimeError

    assert site.export(OTHER, fails).status == "failed"
    row = site.row()
    assert (row["payload"], row["not_sent"]) == (None, None)
    assert exact_json.loads(row["intake"])["notes"] == "other content"


# 409: it is there already.


@pytest.mark.parametrize("numbers", [{"orderId": "77", "orderNumber": "VO-77"}, {"orderId": 77}])
def test_a_duplicate_external_id_is_success_with_the_numbers_it_brings(
    site: Site, numbers: dict[str, Any]
) -> None:
    site.gateway.instead_of_booking = [problem(409, "DuplicateExternalId", "there", **numbers)]
    answered = site.export(intake())
    assert answered.status == "ok"
    assert answered.answer is not None
    assert answered.answer["orderId"] == "77"
    assert answered.answer["orderNumber"] == numbers.get("orderNumber")
    assert not site.gateway.calls("exported_order")


def test_a_duplicate_external_id_without_numbers_is_success_and_they_are_looked_up(site: Site) -> None:
    site.gateway.after_booking = [problem(409, "DuplicateExternalId", "there")]
    answered = site.export(intake())
    [booked] = site.source.booked
    assert answered.status == "ok"
    assert answered.answer is not None
    assert answered.answer["orderId"] == booked.order_id


def test_a_duplicate_whose_numbers_cannot_be_looked_up_now_is_settled_later(site: Site) -> None:
    site.gateway.after_booking = [problem(409, "DuplicateExternalId", "there")]
    site.gateway.faults = Faults(script={"exported_order": ["server_error"] * 5})
    assert told(site.export(intake())) == ("unknown", "DuplicateExternalId")
    assert site.export(intake()).status == "ok"
    assert site.posts() == 1


def test_a_422_is_a_refusal_whatever_its_code(site: Site) -> None:
    site.gateway.instead_of_booking = [problem(422, "DuplicateLines", "no")]
    assert told(site.export(intake())) == ("refused", "DuplicateLines")
    assert site.row()["status"] == "refused"


# What may have been booked is unknown.

HTML_CREATED = html_page(200, "Welcome")
TWO_LENGTHS = Reply(201, b'{"orderId":"1"}', headers=(("Content-Length", "7"),))
BUSY_WITHOUT_A_TIME = problem(503, "ServiceUnavailable", "perhaps")


@pytest.mark.parametrize(
    "fault",
    [
        "reset",
        "lose_post_reply",
        "hang",
        "cut",
        "clipped",
        "html",
        "server_error",
        "bad_gateway",
        "gateway_timeout",
    ],
)
def test_a_lost_reply_leaves_the_order_unknown_and_nothing_is_sent_again(site: Site, fault: str) -> None:
    site.gateway.faults = scripted(fault, hang_seconds=PATIENCE)
    site.wait_for_answers(0.2 if fault == "hang" else PATIENCE)
    answered = site.export(intake())
    site.wait_for_answers(PATIENCE)
    assert answered.status == "unknown"
    assert answered.answer is not None
    assert (answered.answer["orderId"], answered.answer["attempts"]) == (None, 1)
    assert site.row()["status"] == "unknown"
    assert site.row()["settled_at"] is None
    is_booked = bool(site.booked())
    again = site.export(intake())
    assert again.status == ("ok" if is_booked else "unknown")
    assert site.posts() == 1


@pytest.mark.parametrize(
    "reply",
    [
        HTML_CREATED,
        TWO_LENGTHS,
        BUSY_WITHOUT_A_TIME,
        Reply(201, b'{"orderId": "1", "externalId": "IO-2"}'),
    ],
    ids=["html", "two lengths", "503", "of another order"],
)
def test_a_reply_that_cannot_be_read_after_booking_never_books_twice(site: Site, reply: Reply) -> None:
    site.gateway.faults = Faults(dedupe=False)
    site.gateway.after_booking = [reply]
    assert site.export(intake()).status == "unknown"
    site.clock.move(2 * RESEND_AFTER)
    assert site.export(intake()).status == "ok"
    assert (site.posts(), site.booked()) == (1, {"IO-1": 1})


def test_what_is_unknown_and_was_booked_is_settled_by_look_up(site: Site) -> None:
    site.gateway.faults = scripted("lose_post_reply")
    site.export(intake())
    answered = site.export(intake())
    [booked] = site.source.booked
    assert answered.status == "ok"
    assert answered.answer is not None
    assert (answered.answer["orderNumber"], answered.answer["attempts"]) == (booked.order_number, 1)
    assert site.attempts() == [("send", "unknown"), ("look_up", "ok")]
    assert site.row()["settled_at"] == NOW


def test_not_there_is_not_believed_before_its_time(site: Site) -> None:
    site.gateway.faults = scripted("reset")
    site.export(intake())
    site.clock.move(TOO_LITTLE)
    for _ in range(2):
        answered = site.export(intake())
        assert told(answered) == ("unknown", "OutcomeUnknown")
        assert answered.error is not None
        assert "it may still book it, so nothing is sent" in answered.error["message"]
    assert site.posts() == 1
    assert site.attempts() == [("send", "unknown"), ("look_up", "unknown"), ("look_up", "unknown")]


@pytest.mark.both_stores
def test_once_its_time_is_over_not_there_is_believed_and_the_order_sent_again(site: Site) -> None:
    site.gateway.faults = scripted("reset")
    site.export(intake())
    site.clock.move(RESEND_AFTER)
    answered = site.export(intake())
    assert answered.status == "ok"
    assert answered.answer is not None
    assert answered.answer["attempts"] == 2
    assert (site.posts(), site.booked()) == (2, {"IO-1": 1})
    assert site.attempts() == [("send", "unknown"), ("look_up", "failed"), ("send", "ok")]
    first, second = site.gateway.calls("export_order")
    assert (first.body, first.headers["Idempotency-Key"]) == (second.body, second.headers["Idempotency-Key"])


def test_the_time_begins_at_the_last_send_and_when_its_answer_was_given_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(*given: Any) -> Any:
        site.clock.move(30)
        return sending.export_order(*given)

    monkeypatch.setattr(order_export, "export_order", slowly)
    site.gateway.faults = scripted("reset", "reset")
    site.export(intake())
    assert site.row()["last_sent_at"] == NOW + timedelta(seconds=30)
    site.clock.move(RESEND_AFTER)
    assert site.export(intake()).status == "unknown"
    assert site.posts() == 2
    site.clock.move(TOO_LITTLE)
    assert site.export(intake()).status == "unknown"
    assert site.posts() == 2


def test_a_gateway_that_books_late_books_once(site: Site) -> None:
    site.gateway.faults = Faults(book_late_seconds=PATIENCE, dedupe=False)
    site.wait_for_answers(0.2)
    assert site.export(intake()).status == "unknown"
    site.wait_for_answers(PATIENCE)
    assert site.booked() == {}
    assert site.export(intake()).status == "unknown"
    site.gateway.faults.book_late_seconds = 0.001
    wait_until(lambda: site.booked() == {"IO-1": 1})
    site.clock.move(RESEND_AFTER)
    assert site.export(intake()).status == "ok"
    assert (site.posts(), site.booked()) == (1, {"IO-1": 1})


@pytest.mark.parametrize("status", ["unknown", "sending"])
def test_other_content_is_refused_while_the_first_may_be_booked(site: Site, status: str) -> None:
    site.gateway.faults = scripted("reset")
    site.export(intake())
    site.query(f"UPDATE order_exports SET status = '{status}'")
    answered = site.export(OTHER)
    assert told(answered) == ("refused", "DuplicateRequest")
    assert answered.error is not None
    assert "is not settled yet" in answered.error["message"]
    assert site.posts() == 1
    site.clock.move(RESEND_AFTER)
    assert site.export(OTHER).status == "ok"
    [booked] = site.source.booked
    assert booked.body["notes"] == "other content"


def test_other_content_is_refused_once_the_look_up_finds_the_first(site: Site) -> None:
    site.gateway.faults = scripted("lose_post_reply")
    site.export(intake())
    site.clock.move(RESEND_AFTER)
    assert told(site.export(OTHER)) == ("refused", "DuplicateRequest")
    assert site.export(intake()).status == "ok"
    assert site.booked() == {"IO-1": 1}


def test_any_other_404_of_the_look_up_says_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.gateway.faults = scripted("lose_post_reply")
    site.export(intake())
    site.clock.move(2 * RESEND_AFTER)
    with monkeypatch.context() as patched:
        patched.setattr(site, "client", site.client_with(third_party_order="/{a}/elsewhere/{code}"))
        assert told(site.export(intake())) == ("unknown", "ReplyUnreadable")
    administration = site.gateway.world.administrations.pop(ADMINISTRATION)
    assert told(site.export(intake())) == ("unknown", "UnknownAdministration")
    site.gateway.world.administrations[ADMINISTRATION] = administration
    assert (site.posts(), site.booked()) == (1, {"IO-1": 1})


@pytest.mark.parametrize("fault", ["server_error", "html", "reset", "cut", "too_many"])
def test_a_look_up_that_fails_says_nothing(site: Site, fault: str) -> None:
    site.gateway.faults = Faults(
        script={"export_order": ["lose_post_reply"], "exported_order": [fault] * 12},
        retry_after_seconds=0,
        dedupe=False,
    )
    site.export(intake())
    site.clock.move(2 * RESEND_AFTER)
    assert site.export(intake()).status == "unknown"
    assert site.attempts() == [("send", "unknown"), ("look_up", "unknown")]
    site.gateway.faults = Faults(dedupe=False)
    assert site.export(intake()).status == "ok"
    assert site.booked() == {"IO-1": 1}


def test_settling_sends_again_what_was_sent_to_the_letter(site: Site) -> None:
    def hook(order: Any, _: object) -> Any:
        order.notes = "by the hook"
        return order

    site.gateway.faults = scripted("reset")
    site.export(intake(), hook)
    assert site.orders().settle("IO-9") is None
    early = site.orders().settle("IO-1")
    assert early is not None
    assert early.status == "unknown"
    site.clock.move(RESEND_AFTER)
    settled = site.orders().settle("IO-1")
    assert settled is not None
    assert settled.status == "ok"
    first, second = site.gateway.calls("export_order")
    assert first.body == second.body
    assert b"by the hook" in second.body


@pytest.mark.parametrize("outcome", ["ok", "failed", "refused"])
def test_settling_leaves_alone_what_is_known(site: Site, outcome: str) -> None:
    if outcome != "ok":
        site.gateway.instead_of_booking = [problem(401 if outcome == "failed" else 422, "No", "no")]
    assert site.export(intake()).status == outcome
    site.gateway.clear()
    settled = site.orders().settle("IO-1")
    assert settled is not None
    assert (settled.status, site.calls()) == (outcome, 0)


# The process ends, or the store is held.


@pytest.mark.both_stores
@pytest.mark.parametrize("is_sent", [False, True])
def test_a_process_killed_around_its_send_is_settled_by_look_up(
    site: Site, monkeypatch: pytest.MonkeyPatch, is_sent: bool
) -> None:
    def killed(*given: Any) -> Any:
        if is_sent:
            sending.export_order(*given)
        raise Killed

    site.gateway.faults = Faults(dedupe=False)
    monkeypatch.setattr(order_export, "export_order", killed)
    with pytest.raises(Killed):
        site.export(intake())
    monkeypatch.undo()
    assert site.row()["status"] == "sending"
    assert site.export(intake()).status == ("ok" if is_sent else "unknown")
    site.clock.move(RESEND_AFTER)
    assert site.export(intake()).status == "ok"
    assert site.booked() == {"IO-1": 1}
    assert site.attempts()[0] == ("send", "sending")
    [(ended,)] = site.query("SELECT ended_at FROM order_export_attempts WHERE attempt_number = 1")
    assert ended is None


def test_a_store_locked_by_another_process_fails_the_order_and_nothing_is_sent(cold_site: Site) -> None:
    with another_process_holds(cold_site.settings.warehouse_path):
        answered = cold_site.export(intake())
    assert told(answered) == ("failed", "StoreHeld")
    assert cold_site.calls() == 0
    assert cold_site.export(intake()).status == "ok"


@pytest.mark.cold
def test_a_store_locked_after_the_send_leaves_the_order_unknown(
    cold_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold_site.gateway.faults = Faults(dedupe=False)
    sent, recorded = threading.Event(), threading.Event()

    def then_held(*given: Any) -> Any:
        numbers = sending.export_order(*given)
        sent.set()
        assert recorded.wait(10)
        return numbers

    monkeypatch.setattr(order_export, "export_order", then_held)
    with ThreadPoolExecutor(1) as pool:
        export = pool.submit(cold_site.export, intake())
        assert sent.wait(10)
        with another_process_holds(cold_site.settings.warehouse_path):
            recorded.set()
            answered = export.result(10)
    monkeypatch.undo()
    assert told(answered) == ("unknown", "OutcomeUnknown")
    assert cold_site.export(intake()).status == "ok"
    assert (cold_site.posts(), cold_site.booked()) == (1, {"IO-1": 1})


def test_a_data_folder_that_cannot_be_written_fails_the_order_with_nothing_sent(site: Site) -> None:
    (site.settings.data_dir / "locks").write_text("no folder")
    assert told(site.export(intake())) == ("failed", "StoreUnusable")
    assert site.calls() == 0


# Two at once.


@pytest.mark.both_stores
def test_threads_with_the_same_order_send_it_once(patient_site: Site) -> None:
    patient_site.gateway.faults = Faults(dedupe=False)
    patient_site.gateway.latency_ms = 50
    start = threading.Barrier(4)

    def export(_: int) -> Answered:
        start.wait(30)
        return patient_site.export(intake())

    with ThreadPoolExecutor(4) as pool:
        first, *others = list(pool.map(export, range(4)))
    assert first.status == "ok"
    assert all(other == first for other in others)
    assert (patient_site.posts(), patient_site.booked()) == (1, {"IO-1": 1})


PROGRAM = textwrap.dedent(
    """
    import json, sys
    from datetime import UTC, datetime
    from a4s_pipeline.ondemand.service import OnDemand
    from a4s_pipeline.platform import Platform

    with OnDemand(Platform(), "a-run") as service:
        orders = service.connector("demo").orders
        print("ready", flush=True)
        order = json.loads(sys.stdin.readline())
        print(orders.export(order, datetime.now(UTC)).status, flush=True)
    """
)


def test_processes_with_the_same_order_send_it_once(cold_site: Site) -> None:
    cold_site.gateway.faults = Faults(dedupe=False)
    cold_site.gateway.latency_ms = 50
    environment = os.environ | {
        "A4S_GATEWAY_URL": cold_site.gateway.url,
        "A4S_CONNECTORS": exact_json.dumps({"demo": ADMINISTRATION}),
        "A4S_DATA_DIR": str(cold_site.settings.data_dir),
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(exact_json.dumps(intake()) + "\n")
        process.stdin.flush()
    assert [process.communicate(timeout=30)[0] for process in processes] == ["ok\n", "ok\n"]
    assert (cold_site.posts(), cold_site.booked()) == (1, {"IO-1": 1})
    assert cold_site.attempts() == [("send", "ok")]


# Every attempt is in the ledger.


@pytest.mark.both_stores
def test_every_attempt_is_recorded_with_its_times_request_and_response(site: Site) -> None:
    def fails(*_: object) -> Any:
        raise RuntimeError

    steps: list[tuple[str, Any]] = [
        ("prepare failed", lambda: site.export(intake(), fails)),
        ("send failed", lambda: site.export(intake())),
        ("send unknown", lambda: site.export(intake())),
        ("look_up unknown", lambda: site.export(intake())),
        ("look_up ok", lambda: site.export(intake())),
    ]
    site.gateway.faults = Faults(
        script={"export_order": ["unavailable", "lose_post_reply"], "exported_order": ["server_error"] * 5},
        retry_after_seconds=0,
    )
    for _, step in steps:
        step()
        site.clock.move(1)
    rows = site.query(
        """
        SELECT attempt_number, kind || ' ' || status,
               started_at, ended_at, request, response, error, traceback
        FROM order_export_attempts ORDER BY attempt_number
        """
    )
    assert [(number, what) for number, what, *_ in rows] == list(enumerate((name for name, _ in steps), 1))
    for place, (_, what, started_at, ended_at, request, response, error, trace) in enumerate(rows):
        assert started_at == ended_at == NOW + timedelta(seconds=place)
        assert (request is not None) == what.startswith("send")
        assert (response is not None) == (what.endswith("ok") or what == "send failed")
        assert (error is not None) == (not what.endswith("ok"))
        assert (trace is not None) == what.startswith("prepare")
    [first, second] = site.gateway.calls("export_order")
    assert rows[1][4].encode() == first.body
    assert rows[2][4].encode() == second.body
    [booked] = site.source.booked
    assert exact_json.loads(rows[1][5])["retryAfterSeconds"] == 1
    assert exact_json.loads(rows[4][5]) == {"orderId": booked.order_id, "orderNumber": booked.order_number}
    assert site.row()["attempts"] == 2


def test_an_order_waits_for_the_rate_limit_before_it_is_recorded_as_sent_and_not_after(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[str, int]] = []
    monkeypatch.setattr(
        site.client, "wait_for_turn", lambda _subject: steps.append(("turn", len(site.attempts())))
    )
    assert site.export(intake()).status == "ok"
    assert steps == [("turn", 0)]
    assert site.attempts() == [("send", "ok")]
