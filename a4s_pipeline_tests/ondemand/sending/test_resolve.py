"""An order that cannot be looked up is resolved by a person who looks into the back office."""

from typing import Any

from a4s_pipeline.files import exact_json
from a4s_pipeline_tests.ondemand.conftest import Command, Site, intake
from a4s_pipeline_tests.ondemand.sending.test_exports_command import write


def attempts(a4s: Command, order_id: str) -> list[dict[str, Any]]:
    log: list[dict[str, Any]] = a4s("exports", order_id, "--json").json()["attemptLog"]
    return [{name: one[name] for name in ("kind", "status")} for one in log]


def test_what_nobody_can_look_up_is_resolved_by_hand_with_a_reason(a4s: Command, cold_site: Site) -> None:
    cold_site.gateway.faults.script = {"export_order": ["lose_post_reply"] * 2}
    for order_id in ("IO-1", "IO-2"):
        assert a4s("export-order", write(intake(order_id))).status == 1
    because = ("--reason", "seen by Ann")
    early = a4s("resolve", "IO-2", "--not-booked", *because, "--json")
    assert (early.status, early.json()["error"]["code"]) == (1, "OutcomeUnknown")
    booked = a4s("resolve", "IO-1", "--booked", "VO-77", *because, "--json").json()
    assert (booked["status"], booked["orderNumber"], booked["error"]) == ("ok", "VO-77", None)
    gone = a4s("resolve", "IO-2", "--not-booked", *because, "--json", A4S_RESEND_AFTER_SECONDS="0").json()
    assert (gone["status"], gone["error"]["code"]) == ("failed", "NotBooked")
    assert "seen by Ann" in gone["error"]["message"]
    assert attempts(a4s, "IO-1")[-1] == {"kind": "by_hand", "status": "ok"}
    [(kept,)] = cold_site.query("SELECT response FROM order_exports WHERE intake_order_id = 'IO-1'")
    assert exact_json.loads(kept)["byHand"].startswith("seen by Ann, said ")
    assert a4s("export-order", write(intake("IO-1")), "--json").json()["orderNumber"] == "VO-77"
    for order_id, code in (("IO-1", "NotUnknown"), ("IO-2", "NotUnknown"), ("IO-9", "UnknownExport")):
        refused = a4s("resolve", order_id, "--booked", "VO-1", *because, "--json")
        assert (refused.status, refused.json()["error"]["code"]) == (1, code)
    for wrong in ((), ("--booked", "X", "--not-booked"), ("--booked", "")):
        assert a4s("resolve", "IO-1", *wrong, *because).status == 2
