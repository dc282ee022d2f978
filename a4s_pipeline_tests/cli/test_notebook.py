import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from a4s_pipeline import notebook
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline_tests.cli.conftest import Ended


def test_the_notebook_opens_on_the_published_copy_and_says_what_is_missing(
    here: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    def start(program: str, command: list[str]) -> None:
        assert program == sys.executable
        started.append(command)

    monkeypatch.setattr(os, "execv", start)
    folder = {"A4S_DATA_DIR": str(tmp_path)}

    monkeypatch.setattr(notebook, "find_spec", lambda name: None)
    bare = here("notebook", **folder)
    assert bare.status == 1
    (missing,) = bare.said()
    assert missing.endswith("marimo among it: pip install 'a4s-pipeline[notebook]'")

    monkeypatch.setattr(notebook, "find_spec", lambda name: name)
    unpublished = here("notebook", **folder)
    assert unpublished.status == 1
    assert unpublished.said() == [
        f"a4s: there is no {tmp_path / 'analytics.duckdb'} yet: run `a4s sync` first"
    ]
    assert started == []

    Platform(GivenSettings(data_dir=tmp_path)).publish()
    assert here("notebook", "--headless", "--port", "4000", **folder).status == 0
    (command,) = started
    assert command[1:5] == ["-m", "marimo", "run", str(notebook.NOTEBOOK)]
    assert command[5:] == ["--no-sandbox", "--port", "4000", "--headless"]


def test_a_copy_to_change_is_written_once(here: Callable[..., Ended], tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    assert here("notebook", "--copy", str(mine)).status == 0
    assert mine.read_bytes() == notebook.NOTEBOOK.read_bytes()
    again = here("notebook", "--copy", str(mine))
    assert again.status == 1
    assert again.said() == [f"a4s: {mine} is there already: choose another name"]
