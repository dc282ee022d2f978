"""What holds for items and customers alike."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from a4s_pipeline.errors import GatewayUnavailable
from a4s_pipeline_tests.support.nightly import at_night
from a4s_pipeline_tests.sync.conftest import Site
from a4s_pipeline_tests.sync.listings import CUSTOMERS, ITEMS, Stream, counts
from a4s_sandbox import DEMO_CONNECTORS, Sandbox, World, demo_world

pytestmark = pytest.mark.parametrize("stream", [ITEMS, CUSTOMERS], ids=lambda stream: stream.name)
AWKWARD_CODES = [
    "SET/2024", "B#12", "KIT 50%", "ACTIE?", "a+b", "Ü-profiel", "🚚", "x1", "X1", "'q'\"d\"", "a\\b",
    "stock", "...", "0012", "12", " 12", "12 ", "a\nb", "e\u0301", "\u00e9",
]  # fmt: skip
TABLES_OF_THE_PIPELINE = {"sync_state", "flow_executions"}


# What comes in


def test_the_demo_comes_in_whole_for_each_of_its_administrations(
    stream: Stream, cold_site_of: Callable[..., Site]
) -> None:
    world = demo_world()
    with Sandbox(world) as sandbox:
        site = cold_site_of(gateway_url=sandbox.url, connectors=DEMO_CONNECTORS)
        for connector, name in DEMO_CONNECTORS.items():
            result = stream.sync(site, connector=connector)
            assert (result.new, result.set_aside) == (len(getattr(world[name], stream.name)), 0)
            stream.assert_as_at_source(site, connector, world[name])


def test_no_focus_connector_is_needed(stream: Stream, world: World, site_of: Callable[..., Site]) -> None:
    world.add_administration("Demo B.V.", focus_connector=None)
    site = site_of()
    stream.put(site, "A1")
    stream.sync(site)
    assert stream.codes(site) == ["A1"]
    assert {call.route_name for call in site.sandbox.requests} == {stream.name}


def test_a_second_sync_writes_nothing_but_how_it_went(stream: Stream, site_of: Callable[..., Site]) -> None:
    site = site_of(page_size=7)
    stream.put_many(site, 30)
    assert counts(stream.sync(site, run_id="first")) == (30, 30, 0, 0, 0)
    tables = [
        name
        for (name,) in site.query("SELECT table_name FROM duckdb_tables() WHERE NOT temporary")
        if name not in TABLES_OF_THE_PIPELINE
    ]
    before = {name: site.query(f"SELECT * FROM {name} ORDER BY ALL") for name in tables}
    assert counts(stream.sync(site, run_id="second")) == (30, 0, 0, 30, 0)
    assert {name: site.query(f"SELECT * FROM {name} ORDER BY ALL") for name in tables} == before
    assert site.query("SELECT stream, run_id, unchanged FROM sync_state") == [(stream.name, "second", 30)]


def test_what_changed_is_written_again_and_nothing_else(stream: Stream, site: Site) -> None:
    stream.put_many(site, 5)
    stream.sync(site, run_id="first")
    stream.put(site, "A002", attributes={"colour": "red"})
    stream.put(site, "NEW")
    assert counts(stream.sync(site, run_id="second")) == (6, 1, 1, 4, 0)
    written = site.query(f"SELECT {stream.code} FROM {stream.table} WHERE run_id = 'second' ORDER BY ALL")
    assert written == [("A002",), ("NEW",)]
    stream.assert_as_at_source(site)


def test_fields_that_come_in_another_order_are_no_change(stream: Stream, site: Site) -> None:
    stream.put_record(site.source, stream.make("A1", extra={"a": 1, "b": Decimal("2.50")}))
    stream.sync(site)
    stream.put_record(
        site.source, dict(reversed(stream.make("A1", extra={"b": Decimal("2.50"), "a": 1}).items()))
    )
    assert stream.sync(site).unchanged == 1


def test_an_empty_listing_is_a_sync_like_any_other(stream: Stream, site: Site) -> None:
    result = stream.sync(site)
    assert (counts(result), result.is_complete, result.removals_withheld) == ((0,) * 5, True, None)


@pytest.mark.parametrize("page_size", [1, 7, *at_night(2, 1000)])
def test_any_page_size_brings_the_same(stream: Stream, site_of: Callable[..., Site], page_size: int) -> None:
    site = site_of(page_size=page_size)
    stream.put_many(site, 14)
    assert stream.sync(site).new == 14
    stream.assert_as_at_source(site)
    # A page that reaches the total may count itself alone: the empty one after it is the end.
    assert len(site.sandbox.calls(stream.name)) == -(-14 // page_size) + 1


def test_pages_are_asked_for_side_by_side_up_to_the_number_of_connections(
    stream: Stream, site_of: Callable[..., Site]
) -> None:
    site = site_of(page_size=2, max_connections=3)
    stream.put_many(site, 40)
    site.sandbox.latency_ms = 15
    stream.sync(site)
    assert site.sandbox.most_in_flight == 3
    stream.assert_as_at_source(site)


def test_awkward_codes_arrive_to_the_letter(stream: Stream, site: Site) -> None:
    for code in AWKWARD_CODES:
        stream.put(site, code)
    result = stream.sync(site)
    assert (result.new, result.set_aside) == (len(AWKWARD_CODES), 0)
    assert stream.codes(site) == sorted(AWKWARD_CODES, key=lambda code: code.encode())
    stream.assert_as_at_source(site)
    assert stream.sync(site).unchanged == len(AWKWARD_CODES)
    for code in AWKWARD_CODES[::2]:
        stream.remove(site.source, code)
    assert stream.sync(site).removed == len(AWKWARD_CODES[::2])
    stream.assert_as_at_source(site)


def test_a_code_that_is_a_number_on_the_wire_is_the_text_of_it(stream: Stream, site: Site) -> None:
    stream.put_record(site.source, stream.make("12") | {f"{stream.name[:-1]}Code": 12})
    stream.sync(site)
    assert stream.codes(site) == ["12"]
    assert stream.sync(site).unchanged == 1


def test_two_connectors_with_the_same_codes_are_kept_apart(
    stream: Stream, world: World, site_of: Callable[..., Site]
) -> None:
    name = "Café Noord / Groothandel B.V. "
    noord = world.add_administration(name)
    site = site_of(connectors={"demo": "Demo B.V.", "noord": name})
    stream.put_many(site, 3)
    stream.put_record(noord, stream.make("A001", attributes={"of": "noord"}))
    stream.sync(site)
    stream.sync(site, connector="noord")
    stream.remove(site.source, "A001")
    stream.put(site, "A002", attributes={"colour": "red"})
    stream.sync(site)
    stream.assert_as_at_source(site)
    stream.assert_as_at_source(site, "noord", noord)
    assert stream.codes(site, "noord") == ["A001"]


# What is gone


def test_a_record_gone_from_a_complete_listing_is_marked_and_kept(stream: Stream, site: Site) -> None:
    stream.put_many(site, 4)
    stream.sync(site)
    before = stream.everything(site)
    stream.remove(site.source, "A001")
    assert counts(stream.sync(site, run_id="r2")) == (3, 0, 0, 3, 1)
    assert (stream.codes(site), stream.removed(site)) == (["A000", "A002", "A003"], ["A001"])
    after = stream.everything(site)
    assert {name: len(rows) for name, rows in after.items()} == {
        name: len(rows) for name, rows in before.items()
    }
    rows = site.query(
        f"SELECT run_id, removed_at = synced_at FROM {stream.table} WHERE removed_at IS NOT NULL"
    )
    assert rows == [("r2", True)]
    assert counts(stream.sync(site)) == (3, 0, 0, 3, 0)


def test_codes_that_are_all_written_in_another_way_make_nothing_gone_before_a_second_sync_agrees(
    stream: Stream, site: Site
) -> None:
    codes = stream.put_many(site, 30)
    stream.sync(site)
    for code in codes:
        stream.remove(site.source, code)
        stream.put(site, code.lower())
    result = stream.sync(site)
    assert counts(result) == (30, 30, 0, 0, 0)
    assert "another administration had answered" in str(result.removals_withheld)
    assert stream.removed(site) == []
    assert counts(stream.sync(site)) == (30, 0, 0, 30, 30)
    assert stream.removed(site) == codes


@pytest.mark.parametrize("more", [{}, {"attributes": {"colour": "red"}}], ids=["as it was", "otherwise"])
def test_a_record_that_returns_comes_back(stream: Stream, site: Site, more: dict[str, Any]) -> None:
    stream.put_many(site, 4)
    stream.sync(site)
    stream.remove(site.source, "A001")
    stream.sync(site)
    stream.put(site, "A001", **more)
    assert counts(stream.sync(site)) == (4, 0, 1, 3, 0)
    assert stream.removed(site) == []
    stream.assert_as_at_source(site)


def test_a_listing_that_came_back_empty_removes_nothing_and_says_so(stream: Stream, site: Site) -> None:
    codes = stream.put_many(site, 4)
    stream.sync(site)
    for code in codes:
        stream.remove(site.source, code)
    result = stream.sync(site)
    assert (stream.codes(site), result.removed) == (codes, 0)
    assert result.removals_withheld == f"the listing came back empty, where 4 {stream.name} are stored"


def test_a_listing_that_broke_off_keeps_what_came_in_removes_nothing_and_says_so(
    stream: Stream, site_of: Callable[..., Site]
) -> None:
    site = site_of(page_size=2, max_connections=1)
    codes = stream.put_many(site, 6)
    stream.sync(site)
    stream.remove(site.source, "A000")
    stream.put(site, "A001", attributes={"colour": "red"})
    site.faults.script = {stream.name: ["ok", *["server_error"] * 5]}
    with pytest.raises(GatewayUnavailable, match=rf"page 1 of the {stream.name} of 'Demo B\.V\.'"):
        stream.sync(site, run_id="broken")
    assert stream.codes(site) == codes
    result = site.platform.results[-1]
    assert (result.changed, result.removed, result.seen) == (1, 0, 2)
    assert result.removals_withheld == "the listing broke off"
    assert site.query(f"SELECT {stream.code} FROM {stream.table} WHERE run_id = 'broken'") == [("A001",)]
    state = site.query("SELECT last_error, run_id FROM sync_state")
    assert "page 1" in state[0][0]
    assert counts(stream.sync(site)) == (5, 0, 0, 5, 1)
    stream.assert_as_at_source(site)


def test_each_run_is_in_the_log_of_flow_executions_with_its_counts_in_the_state(
    stream: Stream, site: Site
) -> None:
    stream.put(site, "A1")
    result = stream.sync(site, run_id="good")
    site.sandbox.world.administrations.clear()
    with pytest.raises(Exception, match="UnknownAdministration"):
        stream.sync(site, run_id="bad")
    rows = site.query("SELECT run_id, flow, status, error FROM flow_executions ORDER BY started_at")
    assert rows[0] == ("good", f"sync_{stream.name}", "ok", None)
    assert rows[1][:3] == ("bad", f"sync_{stream.name}", "failed")
    assert "UnknownAdministration" in rows[1][3]
    (state,) = site.records("SELECT * FROM sync_state")
    assert (state["stream"], state["watermark"]) == (stream.name, None)
    assert state["last_success_at"] is not None
    assert "UnknownAdministration" in state["last_error"]
    assert result.as_state()["new"] == 1


# Records that cannot be read


@pytest.mark.parametrize("code", [".", ".."])
def test_a_code_that_cannot_be_addressed_is_set_aside(stream: Stream, site: Site, code: str) -> None:
    stream.put(site, code)
    stream.put(site, "A1")
    result = stream.sync(site)
    assert (result.seen, result.new, result.set_aside, result.unchanged) == (2, 1, 1, 0)
    assert stream.codes(site) == ["A1"]
    ((reason, named, payload),) = site.query("SELECT reason, stream, payload FROM set_aside")
    assert reason == f"{stream.name[:-1]}Code: cannot be put in a path"
    assert named == stream.name
    assert json.loads(payload)[f"{stream.name[:-1]}Code"] == code


def test_what_is_not_a_record_is_set_aside_under_a_hash_of_itself(stream: Stream, site: Site) -> None:
    stream.put(site, "A1")
    for body in (b"null", b'"x"', b"[1]", b"7", b"{}", b'{"a":1}'):
        stream.put_body(site.source, f"\0{body!r}", body)
    result = stream.sync(site)
    assert (stream.codes(site), result.set_aside, result.is_complete) == (["A1"], 6, True)
    assert all(key.startswith("#") for key in site.set_aside())
    stream.remove(site.source, "A1")
    assert stream.sync(site).removed == 1


def nested(depth: int) -> dict[str, Any]:
    held: dict[str, Any] = {}
    for _ in range(depth):
        held = {"a": held}
    return held


USELESS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "items": ("images.2", {"images": [{"hash": "h", "sequence": 1}, {"sequence": 2}]}, {"images": []}),
    "customers": (
        "contactDetails.1",
        {"contactDetails": [{"type": "Email", "value": ""}]},
        {"contactDetails": [{"type": "Email", "value": "a@b.nl"}]},
    ),
}


def test_a_part_of_no_use_is_set_aside_by_itself_as_long_as_it_is_listed(stream: Stream, site: Site) -> None:
    part, useless, mended = USELESS[stream.name]
    stream.put(site, "A1", **useless)
    stream.put(site, "A2")
    result = stream.sync(site)
    assert (counts(result), result.leaves_work) == ((2, 2, 0, 0, 0), False)
    assert result.set_aside == 1
    held = "SELECT stream, record_key, part, first_seen_at FROM set_aside"
    ((*place, first_seen),) = site.query(held)
    assert place == [stream.name, "A1", part]
    # A sync that finds the record as it was keeps what is set aside of it, with its first date.
    for changed in ({}, {"more": 1}):
        stream.put(site, "A1", **useless, **changed)
        result = stream.sync(site)
        assert (result.set_aside, result.changed, result.unchanged) == (1, len(changed), 2 - len(changed))
        assert site.query(held) == [(*place, first_seen)]
    stream.put(site, "A1", **mended)
    assert stream.sync(site).set_aside == 0
    assert site.set_aside() == {}
    stream.assert_as_at_source(site)


def test_a_part_set_aside_goes_with_a_record_that_is_set_aside_whole(stream: Stream, site: Site) -> None:
    part, useless, _ = USELESS[stream.name]
    stream.put(site, "A1", **useless)
    stream.sync(site)
    stream.put(site, "A1", **useless, more=nested(101))
    stream.sync(site)
    assert site.query("SELECT record_key, part FROM set_aside") == [("A1", "")]
    stream.put(site, "A1", **useless)
    stream.sync(site)
    assert site.query("SELECT record_key, part FROM set_aside") == [("A1", part)]


def test_a_stored_record_stays_as_it_was_while_it_cannot_be_read_and_does_not_count_as_gone(
    stream: Stream, site: Site
) -> None:
    stream.put_many(site, 3)
    stream.sync(site)
    before = stream.everything(site)
    stream.put(site, "A001", more=nested(101))
    result = stream.sync(site)
    assert (result.set_aside, result.removed, result.unchanged) == (1, 0, 2)
    assert stream.everything(site) == before
    stream.put(site, "A001")
    assert stream.sync(site).unchanged == 3
    assert site.set_aside() == {}


def test_a_record_that_is_mended_comes_in_and_is_cleared(stream: Stream, site: Site) -> None:
    stream.put(site, "A1", more=nested(101))
    stream.put(site, "A2")
    assert stream.sync(site).set_aside == 1
    ((first_seen,),) = site.query("SELECT first_seen_at FROM set_aside")
    assert stream.sync(site).set_aside == 1
    assert site.query("SELECT first_seen_at FROM set_aside") == [(first_seen,)]
    stream.put(site, "A1", created="2024-02-29")
    assert counts(stream.sync(site)) == (2, 1, 0, 1, 0)
    assert site.set_aside() == {}
    stream.assert_as_at_source(site)


def test_what_is_set_aside_and_not_listed_any_more_is_forgotten(stream: Stream, site: Site) -> None:
    other = CUSTOMERS if stream is ITEMS else ITEMS
    for one in (stream, other):
        one.put(site, "..")
        one.put(site, "A1")
        one.sync(site)
    stream.remove(site.source, "..")
    stream.sync(site)
    assert site.query("SELECT stream FROM set_aside") == [(other.name,)]


def test_a_code_that_no_text_can_hold_is_set_aside_for_as_long_as_it_is_listed(
    stream: Stream, site: Site
) -> None:
    stream.put(site, "A1")
    stream.put_body(site.source, "half", f'{{"{stream.name[:-1]}Code":"B\\ud800"}}'.encode())
    for _ in range(2):
        assert stream.sync(site).set_aside == 1
        assert list(site.set_aside()) == ["B?"]
    stream.remove(site.source, "half")
    stream.sync(site)
    assert site.set_aside() == {}


def test_text_that_no_database_likes_comes_in(stream: Stream, site: Site) -> None:
    record = stream.make("A1") | {"note": "a\0b\ud800", "huge": Decimal("1E+400")}
    stream.put_record(site.source, record)
    assert stream.sync(site).new == 1
    ((stored,),) = site.query(f"SELECT attributes FROM {stream.table}")
    assert json.loads(stored)["note"] == "a\0b?"
    assert stream.sync(site).unchanged == 1
