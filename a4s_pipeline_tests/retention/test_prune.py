"""What outlived its period is removed; what waits, or keeps an order from being sent twice, stays."""

import json
import os
import time

import duckdb

from a4s_pipeline.warehouse.file.opened import STORAGE
from a4s_pipeline_tests.cli.conftest import Installation

DAY = 24 * 3600


def export(site: Installation, order_id: str) -> dict[str, object]:
    path = site.folder / "order"
    lines = [{"itemCode": "A1", "quantity": 1}]
    path.write_text(json.dumps({"intakeOrderId": order_id, "customerCode": "K1", "lines": lines}))
    site.source.put_customer({"customerCode": "K1", "name": "One"})
    done = site.a4s("export-order", str(path), "--json")
    assert done.status == 0, done.err
    answer: dict[str, object] = done.json()
    return answer


def backdate(site: Installation, sql: str) -> None:
    with duckdb.connect(str(site.folder / "data" / "warehouse.duckdb"), config=STORAGE) as store:
        store.execute(sql)


def test_requests_that_were_answered_go_by_their_age_and_what_waits_stays(site: Installation) -> None:
    data = site.folder / "data"
    names = [
        "inbox/a",
        "inbox/.unsettled/a",
        "inbox/done/a",
        "inbox/failed/a",
        "inbox/.answers/a.0f",
        "outbox/a",
    ]
    for name in names:
        for age, days in (("old", 31), ("new", 29)):
            path = data / f"{name}-{age}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}")
            then = time.time() - days * DAY
            os.utime(path, (then, then))
    pruned = site.a4s("prune", "--json").json()
    assert pruned["files"] == {"inbox/done": 1, "inbox/failed": 1, "inbox/.answers": 1, "outbox": 1}
    left = {path.relative_to(data).as_posix() for path in data.rglob("*.json")}
    assert left == {f"{name}-new.json" for name in names} | {
        "inbox/a-old.json",
        "inbox/.unsettled/a-old.json",
    }


def test_what_was_sent_is_removed_by_its_age_and_the_ledger_still_answers(site: Installation) -> None:
    first = export(site, "IO-old")
    export(site, "IO-new")
    backdate(
        site,
        "UPDATE order_exports SET settled_at = now() - INTERVAL 366 DAY WHERE intake_order_id = 'IO-old'",
    )
    backdate(
        site, "UPDATE flow_executions SET started_at = now() - INTERVAL 91 DAY WHERE flow = 'export_order'"
    )
    pruned = site.a4s("prune", "--json").json()["rows"]
    assert pruned == {"flow_executions": 2, "order_export_attempts": 1, "order_exports": 1}
    again = export(site, "IO-old")
    assert (again["orderId"], again["notSent"]) == (first["orderId"], first["notSent"])
    assert len(site.source.booked) == 2


def test_what_is_not_resolved_keeps_what_it_takes_to_send_it_again(site: Installation) -> None:
    export(site, "IO-1")
    backdate(
        site, "UPDATE order_exports SET status = 'unknown', settled_at = NULL, received_at = '2020-01-01'"
    )
    assert site.a4s("prune", "--json").json() == {"rows": {}, "files": {}}


def test_rows_that_were_replaced_go_by_when_they_were_with_their_lines(site: Installation) -> None:
    export(site, "IO-1")
    for code, days in (("old", 1096), ("new", 1094)):
        for table in ("order_versions", "order_line_versions"):
            backdate(
                site,
                f"INSERT INTO {table} (connector, order_code, valid_to) "
                f"VALUES ('demo', '{code}', now() - INTERVAL {days} DAY)",
            )
    pruned = site.a4s("prune", "--json").json()["rows"]
    assert pruned == {"order_versions": 1, "order_line_versions": 1}
    assert site.a4s("prune", "--json").json()["rows"] == {}
