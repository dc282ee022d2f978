"""The log of commands on standard error: text, or one JSON object a line."""

import json
import logging
import sys

import pytest

from a4s_pipeline.cli.logs import LogFormatter
from a4s_pipeline_tests.cli.conftest import Installation


def test_a_command_that_fails_says_so_in_a_line_of_json_where_that_is_set(site: Installation) -> None:
    (site.folder / ".env").write_text("A4S_LOG_FORMAT=json\n")
    failed = site.a4s_process("orders", "--json", A4S_PAGESIZE="5")
    misspelt, error = map(json.loads, failed.err.splitlines())
    assert (misspelt["level"], "A4S_PAGE_SIZE" in misspelt["message"]) == ("WARNING", True)
    told = json.loads(failed.out)["error"]
    assert (failed.status, error["level"]) == (1, "ERROR")
    assert (error["code"], error["message"]) == (told["code"], told["message"])
    assert told["code"] == "NotPublished"


def test_a_format_that_is_none_is_told_as_text(site: Installation) -> None:
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
