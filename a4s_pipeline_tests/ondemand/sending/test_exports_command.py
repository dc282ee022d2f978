import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.files import exact_json
from a4s_pipeline_tests.ondemand.conftest import Command, Site, intake
from a4s_sandbox import Faults

CUSTOMER = {"customerCode": "K9", "name": "Bos"}
HOOKS = """
from decimal import Decimal

def ships(order, intake):
    order.shipping_costs = Decimal("4.95")
    return order

def breaks(order, intake):
    return {}["kept to ourselves"]

def prints(order, intake):
    print("seen", order.external_id)
    return order
"""


@pytest.fixture(autouse=True)
def _hooks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "command_hooks.py").write_text(HOOKS)
    monkeypatch.delitem(sys.modules, "command_hooks", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))


def write(document: Any, name: str = "order.json") -> str:
    Path(name).write_text(exact_json.dumps(document))
    return name


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_an_order_is_exported_and_reported_in_a_sentence(a4s: Command, cold_site: Site) -> None:
    ended = a4s("export-order", write(intake(extra=1, attributes={"a": 1})))
    [booked] = cold_site.source.booked
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == (
        f"order IO-1 is order {booked.order_number} at the gateway. "
        "The order shows up in retrieval after the legacy backend's next history sync.\n"
        "not sent, because the gateway has no place for it: attributes, extra\n"
    )


def test_json_is_the_answer_and_nothing_else(a4s: Command, cold_site: Site) -> None:
    ended = a4s("export-order", write(intake()), "--json")
    [booked] = cold_site.source.booked
    answer = ended.json()
    assert (ended.status, ended.err) == (0, "")
    assert answer.pop("notice")
    assert answer == {
        "externalId": "IO-1",
        "orderId": booked.order_id,
        "orderNumber": booked.order_number,
        "attempts": 1,
        "notSent": [],
    }
    assert a4s("export-order", "order.json", "--json").json()["orderId"] == booked.order_id
    assert cold_site.booked() == {"IO-1": 1}


def test_what_a_hook_prints_is_no_part_of_the_json(
    a4s: Command, cold_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A4S_ORDER_HOOK", "command_hooks:prints")
    ended = a4s("export-order", write(intake()), "--json")
    assert ended.json()["externalId"] == "IO-1"
    assert ended.err == "seen IO-1\n"


def test_a_dash_reads_standard_input(a4s: Command, cold_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, exact_json.dumps(intake("IO-7")))
    assert a4s("export-order", "-").status == 0
    typed(monkeypatch, exact_json.dumps(CUSTOMER))
    assert a4s("create-customer", "-").status == 0
    assert cold_site.booked() == {"IO-7": 1}
    assert "K9" in cold_site.source.customers


def test_a_dry_run_prints_what_would_be_sent_after_the_hook_and_sends_nothing(
    a4s: Command, cold_site: Site
) -> None:
    body = '{"intakeOrderId":"IO-1","customerCode":"K1","lines":[{"itemCode":"A1","quantity":1.10}],"x":1}'
    Path("order.json").write_text(body)
    ended = a4s("export-order", "order.json", "--dry-run", A4S_ORDER_HOOK="command_hooks:ships")
    assert (ended.status, ended.err) == (0, "")
    assert '"quantity":1.10}' in ended.out
    document = ended.json()
    assert document["notSent"] == ["x"]
    assert document["order"]["shippingCosts"] == 4.95
    assert (cold_site.calls(), cold_site.query("FROM order_exports")) == (0, [])


def test_a_dry_run_needs_no_gateway(a4s: Command) -> None:
    assert a4s("export-order", write(intake()), "--dry-run", A4S_GATEWAY_URL="").status == 0
    ended = a4s("export-order", "order.json", A4S_GATEWAY_URL="")
    assert ended.status == 2
    assert ended.said()[0].startswith("a4s: A4S_GATEWAY_URL is not set")


def test_a_dry_run_says_what_the_hook_raised_because_no_ledger_does(a4s: Command) -> None:
    hook = {"A4S_ORDER_HOOK": "command_hooks:breaks"}
    ended = a4s("export-order", write(intake()), "--dry-run", **hook)
    assert (ended.status, ended.out) == (1, "")
    assert ended.said() == ["a4s: the order hook failed: KeyError: 'kept to ourselves'"]
    real = a4s("export-order", "order.json", "--json", **hook)
    assert (real.status, real.json()["error"]["code"]) == (1, "HookFailed")
    assert "kept to ourselves" not in real.out + real.err
    assert real.said()[0].endswith("its traceback is in order_export_attempts")


def test_every_fault_is_a_line_of_its_own(a4s: Command, cold_site: Site) -> None:
    write(intake(customerCode="", lines=[{"itemCode": "A1"}]))
    for options in ([], ["--dry-run"]):
        ended = a4s("export-order", "order.json", *options)
        assert (ended.status, ended.out) == (1, "")
        assert ended.said()[0].endswith("the intake order has 2 faults: correct it and send it again")
        assert ended.said()[1:] == [
            "  customerCode: string should have at least 1 character",
            "  lines.0.quantity: field required",
        ]
    error = a4s("export-order", "order.json", "--json").json()["error"]
    assert [fault["field"] for fault in error["fields"]] == ["customerCode", "lines.0.quantity"]
    assert cold_site.calls() == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the request is not JSON, or is cut off, at character 0 of 0"),
        ('{"intakeOrderId": ', "the request is not JSON, or is cut off, at character 18 of 18"),
        ("[]", "the request must be a JSON object"),
        ("[" * 100_000, "the request is not JSON that can be read: it is nested too deeply"),
        (" " * 1_048_577, "the request is larger than 1 MiB"),
        ('{"kind": "export_order"}', "the request has no order: give it under the name `order`"),
    ],
    ids=["empty", "cut off", "a list", "too deep", "too large", "no order"],
)
def test_a_file_that_holds_no_order_is_one_line(a4s: Command, text: str, told: str) -> None:
    Path("order.json").write_text(text)
    ended = a4s("export-order", "order.json")
    assert (ended.status, ended.out, ended.said()) == (1, "", [f"a4s: {told}"])


def test_a_file_that_is_not_there_is_wrong_usage(a4s: Command) -> None:
    ended = a4s("export-order", "missing.json")
    assert (ended.status, ended.out) == (2, "")
    assert "missing.json" in ended.said()[-1]


def test_a_file_may_hold_a_whole_request_whose_connector_counts(a4s: Command, cold_site: Site) -> None:
    both = {"A4S_CONNECTORS": '{"demo": "Demo B.V.", "other": "Other B.V."}'}
    write({"kind": "export_order", "connector": "demo", "order": intake()})
    assert a4s("export-order", "order.json", **both).status == 0
    write({"kind": "create_customer", "connector": "demo", "customer": CUSTOMER}, "customer.json")
    assert a4s("create-customer", "customer.json", **both).status == 0
    write({"kind": "export_order", "connector": "elsewhere", "order": intake("IO-2")})
    ended = a4s("export-order", "order.json", **both)
    assert ended.status == 2
    assert "there is no connector 'elsewhere'" in ended.said()[0]
    assert cold_site.booked() == {"IO-1": 1}
    assert cold_site.posts() == 2


def test_of_several_connectors_one_must_be_named(a4s: Command, cold_site: Site) -> None:
    both = {"A4S_CONNECTORS": '{"demo": "Demo B.V.", "other": "Other B.V."}'}
    ended = a4s("export-order", write(intake()), **both)
    assert (ended.status, ended.out) == (2, "")
    assert "add --connector" in ended.said()[-1]
    assert a4s("export-order", "order.json", "--connector", "demo", **both).status == 0


@pytest.mark.parametrize("faults", [{"server_error": 1.0}, {"unavailable": 1.0}])
def test_an_order_that_is_not_in_yet_is_status_1_and_a_line(
    a4s: Command, cold_site: Site, faults: dict[str, float]
) -> None:
    cold_site.gateway.faults = Faults(**faults, retry_after_seconds=0)  # type: ignore[arg-type]
    status = "unknown" if "server_error" in faults else "failed"
    ended = a4s("export-order", write(intake()))
    assert (ended.status, ended.out) == (1, "")
    [line] = ended.said()
    assert line.startswith(f"a4s: {status}: the gateway answered 50")
    again = a4s("export-order", "order.json", "--json")
    assert again.status == 1
    assert list(again.json()) == ["error"]


def test_the_ledger_is_listed_with_what_became_of_each_order(a4s: Command, cold_site: Site) -> None:
    cold_site.gateway.faults = Faults(script={"export_order": ["ok", "ok", "reset"]})
    for order in (intake("IO-1"), intake("IO-2", customerCode="K7"), intake("IO-3")):
        a4s("export-order", write(order))
    [booked] = cold_site.source.booked
    ended = a4s("exports")
    assert (ended.status, ended.said()) == (0, ["3 orders"])
    first, second, third = ended.out.splitlines()
    assert first == f"ok       demo IO-1  K1  {booked.order_number}"
    assert second.startswith("refused  demo IO-2  K7  the gateway answered 422 UnknownCustomer")
    assert third.startswith("unknown  demo IO-3  K1  the gateway gave no answer")
    only = a4s("exports", "--status", "unknown", "--json")
    [row] = only.json()["exports"]
    assert (only.status, only.err) == (0, "")
    assert {name: row[name] for name in ("intakeOrderId", "status", "customerCode", "attempts")} == {
        "intakeOrderId": "IO-3",
        "status": "unknown",
        "customerCode": "K1",
        "attempts": 1,
    }
    assert row["receivedAt"] <= row["lastSentAt"]
    assert row["settledAt"] is None
    assert a4s("exports", "--status", "pending").out == ""
    assert a4s("exports", "--status", "lost").status == 2


def test_one_order_is_shown_with_its_refusal_and_every_attempt(a4s: Command, cold_site: Site) -> None:
    a4s("export-order", write(intake(customerCode="K7")))
    told = a4s("exports", "IO-1").out.splitlines()
    assert told[0] == "refused: demo IO-1, customer K7"
    assert "It says: There is no customer 'K7'." in told[1]
    assert told[2] == "  customerCode: There is no such customer. ('K7')"
    assert told[3].split()[1:3] == ["send:", "refused"]
    one = a4s("exports", "IO-1", "--json").json()
    assert [(attempt["kind"], attempt["status"]) for attempt in one["attemptLog"]] == [("send", "refused")]
    assert (one["connector"], one["error"]["code"]) == ("demo", "UnknownCustomer")
    assert a4s("exports", "IO-2").said() == ["a4s: the ledger has no order 'IO-2': see `a4s exports`"]
    assert a4s("exports", "IO-1", "--status", "ok").status == 2


def test_the_ledger_of_one_connector_or_of_all_is_listed(a4s: Command, cold_site: Site) -> None:
    cold_site.export(intake())
    both = {"A4S_CONNECTORS": '{"demo": "Demo B.V.", "other": "Other B.V."}'}
    assert len(a4s("exports", "--json", **both).json()["exports"]) == 1
    assert a4s("exports", "--json", "--connector", "other", **both).json() == {"exports": []}


def test_retry_settles_what_is_unknown_and_sends_nothing_twice(a4s: Command, cold_site: Site) -> None:
    cold_site.gateway.faults = Faults(script={"export_order": ["lose_post_reply"]}, dedupe=False)
    assert a4s("export-order", write(intake())).status == 1
    ended = a4s("retry", "IO-1")
    [booked] = cold_site.source.booked
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith(f"order IO-1 is order {booked.order_number}. The order shows up")
    assert a4s("retry", "IO-1", "--json").json()["orderId"] == booked.order_id
    assert cold_site.posts() == 1


def test_retry_does_not_send_before_the_time_is_over(a4s: Command, cold_site: Site) -> None:
    cold_site.gateway.faults = Faults(script={"export_order": ["reset"]})
    a4s("export-order", write(intake()))
    ended = a4s("retry", "IO-1")
    assert (ended.status, ended.out) == (1, "")
    assert ended.said()[0].startswith("a4s: unknown: the gateway does not show 'IO-1' yet")
    assert cold_site.posts() == 1
    assert a4s("retry", "IO-1", A4S_RESEND_AFTER_SECONDS="0").status == 0
    assert cold_site.booked() == {"IO-1": 1}


@pytest.mark.parametrize("hook", ["command_hooks:ships", "command_hooks:breaks"])
def test_retry_sends_what_failed_or_was_refused_as_it_was_received(
    a4s: Command, cold_site: Site, hook: str
) -> None:
    a4s("export-order", write(intake(customerCode="K7")), A4S_ORDER_HOOK=hook)
    cold_site.source.put_customer({"customerCode": "K7", "name": "Now there"})
    [(received_at,)] = cold_site.query("SELECT received_at FROM order_exports")
    assert a4s("retry", "IO-1").status == 0
    [booked] = cold_site.source.booked
    assert booked.body["shippingCosts"] == 0
    assert booked.body["metadata"]["createdAt"] == received_at.isoformat()


def test_retry_of_an_order_that_the_ledger_does_not_have_is_one_line(a4s: Command) -> None:
    ended = a4s("retry", "IO-404")
    assert (ended.status, ended.out) == (1, "")
    assert ended.said() == ["a4s: the ledger has no order 'IO-404': see `a4s exports`"]


def test_a_customer_is_created_and_reported_in_a_sentence(a4s: Command, cold_site: Site) -> None:
    ended = a4s("create-customer", write(CUSTOMER, "customer.json"))
    external_id = cold_site.source.external_id_of("K9")
    assert (ended.status, ended.out) == (0, f"customer K9 is {external_id} at the gateway\n")
    again = a4s("create-customer", "customer.json", "--json")
    assert again.json() == {"customerCode": "K9", "externalId": external_id}
    assert cold_site.posts() == 1


def test_a_customer_with_faults_is_status_1_with_a_line_each(a4s: Command) -> None:
    ended = a4s("create-customer", write({"customerCode": "K9", "addresses": [{}]}, "customer.json"))
    assert (ended.status, ended.out) == (1, "")
    assert ended.said()[1:] == ["  name: field required", "  addresses.0.type: field required"]


def test_each_execution_is_noted_with_its_outcome(a4s: Command, cold_site: Site) -> None:
    a4s("export-order", write(intake()))
    a4s("export-order", write(intake("IO-2", customerCode="K7")))
    a4s("retry", "IO-1")
    a4s("create-customer", write(CUSTOMER, "customer.json"))
    found = cold_site.query("SELECT flow, status, error IS NULL FROM flow_executions ORDER BY started_at")
    assert found == [
        ("export_order", "ok", True),
        ("export_order", "refused", False),
        ("export_order", "ok", True),
        ("create_customer", "ok", True),
    ]


def test_the_installed_command_exports_without_dagster(cold_site: Site) -> None:
    write(intake())
    program = (
        "import sys\n"
        "from a4s_pipeline.cli import main\n"
        "sys.argv = ['a4s', 'export-order', 'order.json', '--json']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    assert 'dagster' not in sys.modules\n"
    )
    environment = os.environ | {
        "A4S_GATEWAY_URL": cold_site.gateway.url,
        "A4S_CONNECTORS": '{"demo": "Demo B.V."}',
        "A4S_DATA_DIR": "data",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert exact_json.loads(done.stdout)["externalId"] == "IO-1"
    assert cold_site.booked() == {"IO-1": 1}
