import os
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a4s_pipeline.errors import AccessDenied, ChangeSite
from a4s_pipeline.gateway.records.pictures import extension_of, whole_picture
from a4s_pipeline.sync.pictures import PicturesResult, stem_of, stored_stems
from a4s_pipeline.warehouse.store import NotPublished
from a4s_pipeline_tests.sync.conftest import Site
from a4s_pipeline_tests.sync.listings import ITEMS
from a4s_sandbox.data.catalogue import pictures

PNG = next(iter(pictures(1).values()))
WEBP = b"RIFF" + (20).to_bytes(4, "little") + b"WEBPVP8 " + b"x" * 12
KINDS = {
    "png": PNG,
    "jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF-and-more\xff\xd9",
    "gif": b"GIF89a\x01\x00\x01\x00;",
    "webp": WEBP,
    "bmp": b"BM\x00\x00",
    "tif": b"II*\x00\x08",
    "ico": b"\x00\x00\x01\x00\x01",
    "avif": b"\x00\x00\x00\x20ftypavif\x00",
    "heic": b"\x00\x00\x00\x20ftypheic\x00",
    "svg": b'<?xml version="1.0"?>\n<!-- x -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "pdf": b"%PDF-1.7",
    "bin": b"\x00\x01\x02 something else",
}
HOSTILE = [
    "../outside",
    "../../etc/passwd",
    "/etc/passwd",
    "a/b",
    "..\\outside",
    "C:\\x",
    "con:",
    ".hidden",
    "a.png",
    "a b",
    "a\nb",
    "a\0b",
    "~root",
    "%2e%2e%2fx",
    "é",
    "x" * 129,
    "x" * 5000,
    "sha256." + "0" * 64,
    "🚚",
]


def put_pictures(site: Site, **hashes: list[str]) -> None:
    """Put items that name these pictures, and import them."""
    for code, named in hashes.items():
        images = [{"hash": one, "sequence": number} for number, one in enumerate(named, start=1)]
        ITEMS.put(site, code, images=images)
    ITEMS.sync(site)
    site.platform.publish()
    site.sandbox.clear()


def fetch(site: Site, *items: str) -> PicturesResult:
    return site.platform.fetch_pictures("demo", items)


def files(site: Site) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in site.settings.images_path.iterdir()}


def everything_under(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


# Names


@pytest.mark.parametrize("plain", ["0" * 40, "a", "A-b_9", "-", "x" * 128, "CON"])
def test_a_hash_that_is_a_plain_name_is_the_name(plain: str) -> None:
    assert stem_of(plain) == plain


@pytest.mark.parametrize("hostile", ["", ".", "..", "\ud800", *HOSTILE])
def test_any_other_hash_is_stored_under_a_hash_of_itself(hostile: str) -> None:
    expected = sha256(hostile.encode("utf-8", "surrogatepass")).hexdigest()
    assert stem_of(hostile) == f"sha256.{expected}"


@given(st.text())
def test_no_hash_leads_out_of_the_folder(image_hash: str) -> None:
    path = Path("/images") / f"{stem_of(image_hash)}.png"
    assert path.parent == Path("/images")
    assert Path(os.path.normpath(path)) == path
    assert not path.name.startswith(".")
    assert len(path.name) < 200


@given(st.text(), st.text())
def test_no_two_hashes_share_a_name(one: str, other: str) -> None:
    assert (stem_of(one) == stem_of(other)) is (one == other)


def test_a_plain_hash_cannot_pose_as_another_ones_hash_of_itself() -> None:
    assert stem_of(stem_of("../outside")) != stem_of("../outside")


def test_what_is_being_written_does_not_count_as_stored() -> None:
    names = ["abc.png", "sha256.0f.jpg", ".demo.def.tmp", "ghi.bin"]
    assert stored_stems(names) == {"abc", "sha256.0f", "ghi"}


# Bytes


@pytest.mark.parametrize("extension", KINDS)
def test_the_extension_follows_from_the_bytes(extension: str) -> None:
    assert extension_of(KINDS[extension]) == extension
    assert whole_picture(KINDS[extension]) == KINDS[extension]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><title>Maintenance</title>", "no picture"),
        (b"\n <html>", "no picture"),
        (b'{"error": true}', "no picture"),
        (PNG[:-20], "cut off"),
        (KINDS["jpg"][:-2], "cut off"),
        (WEBP[:-1], "cut off"),
    ],
)
def test_what_is_no_whole_picture_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        whole_picture(body)


@given(st.binary())
def test_any_bytes_have_an_extension_that_is_a_plain_word(body: bytes) -> None:
    assert extension_of(body).isalnum()


# Fetching


def test_pictures_are_named_by_their_hash_and_their_kind(site: Site) -> None:
    site.source.put_image("h1", KINDS["png"])
    site.source.put_image("h2", KINDS["jpg"])
    put_pictures(site, A1=["h1", "h2"], A2=["h1"])
    result = fetch(site)
    assert files(site) == {"h1.png": KINDS["png"], "h2.jpg": KINDS["jpg"]}
    assert (result.named, result.stored, result.fetched, result.calls) == (2, 0, 2, 2)
    assert result.size == len(KINDS["png"]) + len(KINDS["jpg"])
    assert result.is_whole


def test_a_stored_picture_is_not_asked_for_again(site: Site) -> None:
    site.source.put_image("h1", PNG)
    put_pictures(site, A1=["h1", "../h2"])
    site.source.put_image("../h2", PNG)
    fetch(site)
    site.sandbox.clear()
    result = fetch(site)
    assert (result.stored, result.fetched, site.sandbox.requests) == (2, 0, [])


def test_nothing_is_written_outside_the_folder_whatever_a_hash_or_file_name_says(
    site: Site, tmp_path: Path
) -> None:
    for number, hostile in enumerate(HOSTILE):
        site.source.put_image(hostile, PNG)
        ITEMS.put(site, f"A{number}", images=[{"hash": hostile, "fileName": hostile, "sequence": 1}])
    ITEMS.sync(site)
    site.platform.publish()
    before = everything_under(tmp_path)
    assert fetch(site).fetched == len(HOSTILE)
    new = {path for path in everything_under(tmp_path) - before if path.parent.name != "locks"}
    assert new == {site.settings.images_path / f"{stem_of(hostile)}.png" for hostile in HOSTILE}
    assert fetch(site).stored == len(HOSTILE)


# An image without a hash is set aside by itself when its item comes in.
def test_a_hash_that_cannot_be_asked_for_is_named_and_the_rest_comes_in(site: Site) -> None:
    site.source.put_image("h1", PNG)
    put_pictures(site, A1=["h1"], A2=["."], A3=[".."])
    result = fetch(site)
    assert (result.fetched, result.unknown, result.is_whole) == (1, [], False)
    assert [(missed.image_hash, missed.item_code) for missed in result.missed] == [(".", "A2"), ("..", "A3")]
    assert all("cannot be put in a path" in str(missed.error) for missed in result.missed)
    assert set(files(site)) == {"h1.png"}


def test_an_unknown_image_is_counted_and_named_and_asked_for_again_next_time(site: Site) -> None:
    site.source.put_image("h1", PNG)
    put_pictures(site, A1=["h1"], A2=["gone"], A3=["gone"])
    result = fetch(site)
    assert (result.fetched, result.unknown, result.is_whole) == (1, ["gone"], False)
    assert [(missed.image_hash, missed.item_code) for missed in result.missed] == [("gone", "A2")]
    site.source.put_image("gone", PNG)
    assert fetch(site).is_whole


def test_the_items_asked_for_are_the_only_ones(site: Site) -> None:
    for image_hash in ("h1", "h2", "h3"):
        site.source.put_image(image_hash, PNG)
    put_pictures(site, A1=["h1"], A2=["h2"], A3=["h3"])
    result = fetch(site, "A1", "A3", "NOPE")
    assert set(files(site)) == {"h1.png", "h3.png"}
    assert result.unknown_items == ["NOPE"]


def test_pictures_of_removed_items_are_left_alone_unless_they_are_asked_for(site: Site) -> None:
    for image_hash in ("h1", "h2"):
        site.source.put_image(image_hash, PNG)
    put_pictures(site, A1=["h1"], A2=["h2"])
    site.source.remove_item("A2")
    ITEMS.sync(site)
    site.platform.publish()
    assert fetch(site).named == 1
    assert fetch(site, "A2").fetched == 1


def test_pictures_are_fetched_side_by_side_up_to_the_number_of_connections(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(max_connections=5)
    hashes = [f"h{number}" for number in range(40)]
    for image_hash in hashes:
        site.source.put_image(image_hash, PNG)
    put_pictures(site, A1=hashes)
    site.sandbox.latency_ms = 10
    told: list[tuple[int, int]] = []
    site.platform.advance = lambda more, total: told.append((more, total))
    assert fetch(site).fetched == 40
    assert site.sandbox.most_in_flight == 5
    assert told == [(1, 40)] * 40


def test_a_bad_answer_is_tried_again_and_never_kept(site_of: Callable[..., Site]) -> None:
    site = site_of(max_connections=1)
    bad = ["reset", "cut", "clipped", "html", "server_error", "bad_gateway"]
    hashes = [f"h{number}" for number in range(len(bad))]
    for image_hash in hashes:
        site.source.put_image(image_hash, PNG)
    put_pictures(site, A1=hashes)
    site.faults.script = {"image": [answer for fault in bad for answer in (fault, fault, "ok")]}
    result = fetch(site)
    assert (files(site), result.retries) == ({f"{one}.png": PNG for one in hashes}, 2 * len(bad))


def test_a_picture_that_cannot_be_fetched_now_is_left_out_and_the_others_come_in(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(max_connections=1)
    for image_hash in ("h1", "h2"):
        site.source.put_image(image_hash, PNG)
    put_pictures(site, A1=["h1", "h2"])
    site.faults.script = {"image": ["server_error"] * 5}
    result = fetch(site)
    assert (result.fetched, result.unknown, result.is_whole) == (1, [], False)
    assert len(files(site)) == 1
    assert fetch(site).is_whole


def test_refused_credentials_end_it_at_once(site_of: Callable[..., Site]) -> None:
    site = site_of(max_connections=1, gateway_token="t0")
    hashes = [f"h{number}" for number in range(30)]
    for image_hash in hashes:
        site.source.put_image(image_hash, PNG)
    put_pictures(site, A1=hashes)
    site.sandbox.token = "t1"
    with pytest.raises(AccessDenied):
        fetch(site)
    assert len(site.sandbox.requests) < 10


def test_half_written_files_of_a_killed_run_are_cleared_and_those_of_another_connector_kept(
    site: Site,
) -> None:
    site.source.put_image("h1", PNG)
    put_pictures(site, A1=["h1"])
    site.settings.images_path.mkdir(parents=True)
    for name in (".demo.h1.tmp", ".demo2.h1.tmp", "h9.png"):
        (site.settings.images_path / name).write_bytes(b"half")
    fetch(site)
    assert set(files(site)) == {"h1.png", ".demo2.h1.tmp", "h9.png"}


def test_a_folder_that_cannot_be_written_is_said_to_be(site: Site) -> None:
    site.source.put_image("h1", PNG)
    put_pictures(site, A1=["h1"])
    site.settings.images_path.write_text("a file where the folder belongs")
    with pytest.raises(ChangeSite, match=r"images cannot be written .*: check the folder"):
        fetch(site)


def test_without_a_sync_there_is_nothing_to_go_by(site: Site) -> None:
    with pytest.raises(NotPublished, match="run `a4s sync` first"):
        fetch(site)


def test_a_picture_never_shows_half_under_its_name(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.source.put_image("h1", PNG)
    put_pictures(site, A1=["h1"])
    seen: list[list[str]] = []
    replace = Path.replace

    def looked_at(self: Path, target: Any) -> Path:
        if self.suffix == ".tmp" and threading.current_thread().name.startswith("gateway"):
            seen.append(sorted(os.listdir(self.parent)))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", looked_at)
    fetch(site)
    assert seen == [[".demo.h1.tmp"]]


def test_a_picture_that_is_forbidden_is_missed_and_the_others_come(site: Site) -> None:
    for image_hash in ("h1", "h2", "h3"):
        site.source.put_image(image_hash, PNG)
    put_pictures(site, A1=["h1", "h2", "h3"])
    site.faults.forbidden = {"h2"}
    result = fetch(site)
    assert (result.fetched, [missed.image_hash for missed in result.missed]) == (2, ["h2"])
    assert fetch(site).missed[0].image_hash == "h2"
    site.faults.forbidden = set()
    assert fetch(site).fetched == 1


def test_pictures_that_are_all_forbidden_are_a_matter_of_the_credentials(site: Site) -> None:
    put_pictures(site, A1=["h1", "h2"])
    site.faults.forbidden = {"h1", "h2"}
    with pytest.raises(AccessDenied, match="403 Forbidden for the image"):
        fetch(site)
