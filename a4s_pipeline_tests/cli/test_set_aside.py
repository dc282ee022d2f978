"""Unreadable records are inspected, acknowledged and retried by command."""

from a4s_pipeline_tests.cli.conftest import Installation


def names(site: Installation, *options: str) -> list[str]:
    listed = site.a4s("set-aside", "list", *options, "--json")
    assert listed.status == 0, listed.err
    return [one["key"] for one in listed.json()["setAside"]]


def amber(site: Installation) -> int:
    """The number of records that the checks count."""
    rows = site.query(
        "SELECT count(*) FROM set_aside AS kept WHERE NOT EXISTS (FROM acknowledged AS known WHERE "
        "known.record_key = kept.record_key "
        "AND known.content = md5(concat_ws('|', kept.reason, kept.payload)))"
    )
    return int(rows[0][0])


def test_what_is_acknowledged_counts_no_more_until_the_record_changes(site: Installation) -> None:
    site.put("O-1")
    site.source.put_order({"orderCode": "O-bad", "orderDate": "soon", "customerCode": "K1"})
    site.source.put_customer({"customerCode": "K-bad"})
    assert site.a4s("sync").status == 0
    assert sorted(names(site)) == ["K-bad", "O-bad"]
    assert amber(site) == 2

    done = site.a4s("set-aside", "acknowledge", "O-bad", "--reason", "a test order of the supplier's")
    assert done.status == 0, done.err

    assert (names(site), sorted(names(site, "--all"))) == (["K-bad"], ["K-bad", "O-bad"])
    assert amber(site) == 1
    assert site.a4s("sync").status == 0
    assert names(site) == ["K-bad"]

    site.source.put_order({"orderCode": "O-bad", "orderDate": "later", "customerCode": "K1"})
    assert site.a4s("sync").status == 0
    assert sorted(names(site)) == ["K-bad", "O-bad"]


def test_a_record_is_shown_as_it_came_with_what_is_wrong_with_it(site: Installation) -> None:
    site.source.put_customer({"customerCode": "K-bad", "odd": "as it came"})
    site.a4s("sync", "customers")
    shown = site.a4s("set-aside", "show", "K-bad")
    assert shown.status == 0
    assert "as it came" in shown.out
    assert "name" in shown.out


def test_a_record_that_is_mended_comes_in_when_it_is_tried_again(site: Installation) -> None:
    site.source.put_customer({"customerCode": "K-bad"})
    site.a4s("sync", "customers")
    still = site.a4s("set-aside", "retry", "K-bad")
    assert (still.status, "still cannot be read" in still.err) == (1, True)
    site.source.put_customer({"customerCode": "K-bad", "name": "Mended"})
    assert site.a4s("set-aside", "retry", "K-bad").status == 0
    assert site.query("SELECT name FROM customers") == [("Mended",)]
    assert names(site) == []


def test_a_key_under_which_nothing_is_set_aside_is_reported(site: Installation) -> None:
    site.a4s("sync", "customers")
    for command in (["show", "X"], ["retry", "X"], ["acknowledge", "X", "--reason", "none"]):
        done = site.a4s("set-aside", *command)
        assert (done.status, "nothing is set aside under 'X'" in done.err) == (1, True)
    assert site.a4s("set-aside").out == "nothing is set aside\n"
    assert site.a4s("set-aside", "--json").json() == {"setAside": []}
    misplaced = site.a4s("set-aside", "--json", "show", "X")
    assert (misplaced.status, "a4s set-aside show" in misplaced.err) == (2, True)
