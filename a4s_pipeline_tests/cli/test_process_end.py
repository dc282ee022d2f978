"""How a command ends: at once, with everything printed and nothing left behind."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from a4s_pipeline.cli.logs import LogFormatter
from a4s_pipeline_tests.cli.conftest import Installation, foreign_environment

FULL_DISK = Path("/dev/full")


def test_a_sync_prints_all_of_it_and_leaves_its_data_and_nothing_else(site: Installation) -> None:
    site.put("A1")
    home, temporary = site.folder / "home", site.folder / "temporary"
    home.mkdir()
    temporary.mkdir()
    done = site.a4s_process("sync", "--json", TMPDIR=str(temporary), HOME=str(home))
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out)["connectors"]["demo"]["orders"]["new"] == 1
    assert list(temporary.iterdir()) == list(home.iterdir()) == []
    assert {path.name for path in site.folder.iterdir()} == {"data", "home", "temporary"}


def test_a_sync_that_fails_ends_with_its_status(site: Installation) -> None:
    site.sandbox.close()
    done = site.a4s_process("sync", "customers")
    assert done.status == 1
    assert done.said()[-1].startswith("a4s: demo: the gateway gave no answer")


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_caller_may_close_what_it_does_not_read(site: Installation, closed: str) -> None:
    a4s = Path(sys.executable).with_name("a4s")
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" sync orders {closed}', str(a4s)],
        cwd=site.folder,
        env={**foreign_environment(), **site.settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_has_gone_causes_no_traceback() -> None:
    gone, output = os.pipe()
    os.close(gone)
    done = subprocess.run(
        [str(Path(sys.executable).with_name("a4s")), "--help"],
        env=foreign_environment(),
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(output)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not FULL_DISK.exists(), reason="this system has no device that is always full")
def test_what_could_not_be_printed_is_no_success(site: Installation) -> None:
    with FULL_DISK.open("w") as full:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("a4s")), "sync", "orders", "--json"],
            cwd=site.folder,
            env={**foreign_environment(), **site.settings},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 1
    assert (
        done.stderr == "a4s: the disk is full, and not everything could be printed: free some space first\n"
    )


def test_a_command_that_fails_says_so_in_a_line_of_json_where_that_is_set(site: Installation) -> None:
    (site.folder / ".env").write_text("A4S_LOG_FORMAT=json\n")
    failed = site.a4s_process("orders", "--json", A4S_PAGESIZE="5")
    misspelt, error = map(json.loads, failed.err.splitlines())
    assert (misspelt["level"], "A4S_PAGE_SIZE" in misspelt["message"]) == ("WARNING", True)
    told = json.loads(failed.out)["error"]
    assert (failed.status, error["level"]) == (1, "ERROR")
    assert (error["code"], error["message"]) == (told["code"], told["message"])
    assert told["code"] == "NotPublished"


def test_an_unknown_log_format_is_reported_as_text(site: Installation) -> None:
    failed = site.a4s_process("orders", A4S_LOG_FORMAT="xml")
    assert failed.status == 2
    assert failed.err == "a4s: A4S_LOG_FORMAT: input should be 'text' or 'json'\n"


@pytest.mark.parametrize("as_set", ["text", "json"])
def test_what_is_known_of_a_line_is_in_its_object_and_a_traceback_too(
    monkeypatch: pytest.MonkeyPatch, as_set: str
) -> None:
    monkeypatch.setenv("A4S_LOG_FORMAT", as_set)
    try:
        raise ValueError("wrong")
    except ValueError:
        record = logging.LogRecord("a.part", logging.ERROR, "", 1, "request %s", ("one",), sys.exc_info())
    record.__dict__.update(connector="demo", run_id="r1", request_id="one", colour="red")
    text = LogFormatter().format(record)
    if as_set == "text":
        assert text.startswith("ERROR request one\nTraceback")
        return
    line = json.loads(text)
    assert "\n" not in text
    assert line.pop("time").endswith("+00:00")
    assert line.pop("traceback").endswith("ValueError: wrong")
    assert line == {
        "level": "ERROR",
        "logger": "a.part",
        "message": "request one",
        "connector": "demo",
        "run_id": "r1",
        "request_id": "one",
    }
