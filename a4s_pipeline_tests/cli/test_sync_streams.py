from typing import Any

from a4s_pipeline_tests.cli.conftest import Installation

STREAMS = ["items", "customers", "orders"]


def fill(site: Installation) -> None:
    site.put("O1")
    site.source.put_item({"itemCode": "A1", "names": {"nl": "Spade"}, "images": []})
    site.source.put_customer({"customerCode": "K1", "name": "Bos", "addresses": []})


def counts(site: Installation, *arguments: str) -> dict[str, dict[str, Any]]:
    connectors: dict[str, dict[str, Any]] = site.a4s("sync", *arguments, "--json").json()["connectors"]
    return connectors["demo"]


def test_all_streams_come_in_items_first(site: Installation) -> None:
    fill(site)
    for arguments in ([], ["all"]):
        done = site.a4s("sync", *arguments)
        assert (done.status, done.err) == (0, "")
        assert [told.split(":")[0] for told in done.out.splitlines()] == [f"demo {name}" for name in STREAMS]
    assert site.query("SELECT item_code FROM items UNION ALL SELECT customer_code FROM customers") == [
        ("A1",),
        ("K1",),
    ]
    assert site.held() == ["O1"]


def test_one_stream_is_left_to_itself(site: Installation) -> None:
    fill(site)
    for stream in STREAMS:
        found = counts(site, stream)
        assert list(found) == [stream]
        assert (found[stream]["seen"], found[stream]["new"]) == (1, 1)
        assert counts(site, stream)[stream]["unchanged"] == 1


def test_full_reads_a_listing_as_it_is_read_in_any_case(site: Installation) -> None:
    fill(site)
    for stream in ("items", "customers"):
        counts(site, stream)
        assert counts(site, stream, "--full")[stream]["unchanged"] == 1


def test_a_connector_without_history_says_so_of_its_orders_and_fails_nothing(site: Installation) -> None:
    fill(site)
    site.serve_both()
    site.sandbox.world["Kantoor Zuid B.V."].put_item({"itemCode": "Z1", "names": {}, "images": []})
    done = site.a4s("sync", "all", "--json")
    assert (done.status, done.said()) == (0, [])
    connectors = done.json()["connectors"]
    assert {name: list(streams) for name, streams in connectors.items()} == {"demo": STREAMS, "zuid": STREAMS}
    assert connectors["zuid"]["items"]["new"] == 1
    assert "error" not in connectors["zuid"]["customers"]
    assert connectors["zuid"]["orders"]["hasHistory"] is False
    assert site.query("SELECT item_code FROM items WHERE connector = 'zuid'") == [("Z1",)]


def test_removals_that_were_withheld_are_said_to_be(site: Installation) -> None:
    fill(site)
    site.a4s("sync", "items")
    site.source.remove_item("A1")
    done = site.a4s("sync", "items", "--json")
    assert done.status == 0
    assert done.json()["connectors"]["demo"]["items"]["removalsWithheld"] == (
        "the listing came back empty, where 1 items are stored"
    )
    assert done.said() == [
        "a4s: demo items: the listing came back empty, where 1 items are stored; nothing was marked removed, "
        "and the next sync looks again"
    ]


def test_a_listing_that_fails_is_one_line_with_its_stream_in_it(site: Installation) -> None:
    fill(site)
    site.sandbox.faults.script = {"items": ["server_error"] * 5}
    done = site.a4s("sync")
    assert done.status == 1
    (told,) = done.said()
    assert told.startswith("a4s: demo: the gateway answered 500 InternalServerError for page 0 of the items")
    assert "demo items: failed" in done.out
    assert site.held() == ["O1"]


# Pictures


PNG = b"\x89PNG\r\n\x1a\nIEND"


def put_pictures(site: Installation, **hashes: str) -> None:
    for code, image_hash in hashes.items():
        images = [{"hash": image_hash, "sequence": 1}]
        site.source.put_item({"itemCode": code, "names": {}, "images": images})
    site.a4s("sync", "items")


def pictures(site: Installation) -> list[str]:
    return sorted(path.name for path in (site.folder / "data" / "images").iterdir())


def test_images_are_fetched_into_the_data_folder_and_counted(site: Installation) -> None:
    site.source.put_image("h1", PNG)
    site.source.put_image("../../h2", PNG)
    put_pictures(site, A1="h1", A2="../../h2")
    done = site.a4s("images")
    assert (done.status, done.err) == (0, "")
    told = "demo: 2 images named, 0 stored before, 2 fetched (0.0 MB), 0 unknown; 2 calls"
    assert done.out.startswith(told)
    assert len(pictures(site)) == 2
    assert pictures(site)[0] == "h1.png"
    assert "2 stored before, 0 fetched" in site.a4s("images").out


def test_an_unknown_image_is_named_with_its_item_and_leaves_status_1(site: Installation) -> None:
    site.source.put_image("h1", PNG)
    put_pictures(site, A1="h1", A2="gone")
    done = site.a4s("images", "--json")
    assert done.status == 1
    told = done.json()["connectors"]["demo"]
    assert (told["fetched"], told["unknown"], told["failed"]) == (1, ["gone"], [])
    assert done.said() == ["a4s: demo: the gateway does not know the image 'gone' of item 'A2'"]


def test_images_of_some_items_and_of_one_that_is_not_there(site: Installation) -> None:
    for image_hash in ("h1", "h2"):
        site.source.put_image(image_hash, PNG)
    put_pictures(site, A1="h1", A2="h2")
    assert site.a4s("images", "A2").status == 0
    assert pictures(site) == ["h2.png"]
    done = site.a4s("images", "A1", "NOPE")
    assert done.status == 1
    assert done.said() == ["a4s: there is no item 'NOPE': check the code, or run `a4s sync items`"]
    assert pictures(site) == ["h1.png", "h2.png"]


def test_an_item_that_one_of_several_connectors_has_is_no_unknown_item(site: Installation) -> None:
    site.source.put_image("h1", PNG)
    site.serve_both()
    put_pictures(site, A1="h1")
    done = site.a4s("images", "A1")
    assert (done.status, done.said()) == (0, [])


def test_images_before_the_first_sync_are_a_clear_failure(site: Installation) -> None:
    done = site.a4s("images")
    assert done.status == 1
    (told,) = done.said()
    assert told.endswith("run `a4s sync` first")


def test_images_that_cannot_be_fetched_now_leave_status_1(site: Installation) -> None:
    site.source.put_image("h1", PNG)
    put_pictures(site, A1="h1")
    site.sandbox.faults.script = {"image": ["html"] * 5}
    done = site.a4s("images")
    assert done.status == 1
    (told,) = done.said()
    assert told.endswith("(item 'A1')")
    assert pictures(site) == []
