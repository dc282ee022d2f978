"""kill -9 while the inbox is answered: each request has one answer, and no order is exported twice."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.ondemand.inbox.inbox import Inbox
from a4s_pipeline_tests.kills.conftest import Chances, Site, Workers, by_day_and_by_night
from a4s_pipeline_tests.kills.test_sending_kills import creates, exports
from a4s_sandbox import Faults

pytestmark = pytest.mark.slow

EXPECTED = {"stock": "ok", "order": "ok", "customer": "ok", "history": "failed", "nonsense": "refused"}
"""The status that each kind of request ends with; nothing was ever published, so there is no history."""


def request(kind: str, number: int) -> bytes:
    documents: dict[str, dict[str, Any]] = {
        "stock": {"kind": "projected_stock", "connector": "demo", "items": [{"itemCode": "A1"}]},
        "order": exports(f"IO-{number}"),
        "customer": creates(f"N{number:05d}"),
        "history": {"kind": "retrieve_order", "connector": "demo", "orderCode": "A1"},
    }
    return json.dumps(documents[kind]).encode() if kind in documents else b"{no JSON"


def drop(site: Site, number: int) -> None:
    """Drop one request of each kind, each written elsewhere and renamed into place."""
    inbox = site.data_dir / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    for kind in EXPECTED:
        aside = inbox / f".{kind}-{number}.tmp"
        aside.write_bytes(request(kind, number))
        aside.replace(inbox / f"{kind}-{number}.json")


def answers(site: Site) -> dict[str, Any]:
    """Every answer in the outbox, read completely."""
    paths = sorted((site.data_dir / "outbox").glob("*.json"))
    return {path.stem: json.loads(path.read_bytes()) for path in paths}


def names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.json"))


@by_day_and_by_night(share=0.2)
def test_requests_that_are_answered_by_processes_that_are_killed_have_one_answer_each(
    site_of: Callable[..., Site], workers: Workers, share: float | None
) -> None:
    chances = Chances(4, share, longest=0.4)
    site = site_of(resend_after_seconds=1.0, linger_seconds=0, timeout_seconds=5)
    site.source.put_customer({"customerCode": "K1", "name": "Kwekerij Bos"})
    site.source.put_item({"itemCode": "A1", "names": {}})
    site.sandbox.latency_ms = 4
    site.sandbox.faults = Faults(dedupe=False)
    dropped = 0
    for turn in chances:
        for _ in range(4):
            drop(site, dropped)
            dropped += 1
        chances.kill_at_work(workers, "worker", settings=site.chosen)
        answers(site)
        in_hand = [
            name
            for folder in (".", ".unsettled", "done", "failed")
            for name in names(site.data_dir / "inbox" / folder)
        ]
        # One whose answer is being told lies where it was and where it belongs.
        assert set(in_hand) == set(ids(dropped)), f"seed {chances.seed}"
        assert set(Counter(in_hand).values()) <= {1, 2}, f"seed {chances.seed}"
        if turn % 40 == 0:
            workers.do("worker", settings=site.chosen)
    workers.do("worker", settings=site.chosen)
    told = answers(site)
    assert {name: told[name]["status"] for name in told} == {
        name: EXPECTED[name.partition("-")[0]] for name in ids(dropped)
    }, f"seed {chances.seed}"
    assert {told[name]["id"] for name in told} == set(ids(dropped))
    inbox = site.data_dir / "inbox"
    assert names(inbox) == names(inbox / ".unsettled") == []
    assert names(inbox / "done") == [name for name in ids(dropped) if told[name]["status"] == "ok"]
    assert names(inbox / "failed") == [name for name in ids(dropped) if told[name]["status"] != "ok"]
    booked = {order.external_id: order.order_number for order in site.source.booked}
    assert len(site.source.booked) == dropped
    assert booked == {
        f"IO-{number}": told[f"order-{number}"]["answer"]["orderNumber"] for number in range(dropped)
    }
    assert chances.is_half_kills
    half_written = len(site.temporaries())
    # Some minutes later, the next who comes clears away what was left half written.
    for path in site.data_dir.rglob("*.tmp"):
        os.utime(path, (time.time() - 3600, time.time() - 3600))
    Inbox(site.data_dir).prepare()
    assert site.temporaries() == []
    chances.tell(requests=5 * dropped, half_written_files=half_written)


def ids(dropped: int) -> list[str]:
    return sorted(f"{kind}-{number}" for kind in EXPECTED for number in range(dropped))


def test_what_another_is_writing_is_not_mistaken_for_leftovers(
    site_of: Callable[..., Site],
) -> None:
    site = site_of()
    inbox = Inbox(site.data_dir)
    inbox.prepare()
    now = site.data_dir / "outbox" / ".new.json.1.1.tmp"
    old = site.data_dir / "outbox" / ".old.json.1.1.tmp"
    senders = site.data_dir / "inbox" / ".slow.json.tmp"
    for path in (now, old, senders):
        path.write_text("half")
    for path in (old, senders):
        os.utime(path, (time.time() - 3600, time.time() - 3600))
    inbox.prepare()
    assert site.temporaries() == sorted([now.name, senders.name])
