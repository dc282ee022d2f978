"""A new installation: its files, which are those of the project."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from a4s_pipeline.api.serving import LONGEST_END
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline_tests.cli.conftest import Ended
from a4s_pipeline_tests.installation.env_file import ENV_FILE, README, env_file
from a4s_pipeline_tests.support.project import ROOT


def test_a_new_folder_has_what_dagster_and_the_commands_need(
    here: Callable[..., Ended], tmp_path: Path
) -> None:
    folder = tmp_path / "site"
    done = here("init", str(folder))
    assert (done.status, done.err) == (0, "")
    for name in ("workspace.yaml", "dagster.yaml"):
        assert yaml.safe_load((folder / name).read_text()) == yaml.safe_load((ROOT / name).read_text())
    env = folder / ".env"
    assert env.stat().st_mode & 0o077 == 0
    assert set(Settings.model_fields) == {
        line.lstrip("#").partition("=")[0].removeprefix("A4S_").lower()
        for line in env.read_text().splitlines()
        if line.lstrip("#").startswith("A4S_")
    }


def test_what_is_there_is_never_written_over(here: Callable[..., Ended], tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A4S_DATA_DIR=elsewhere\n")
    done = here("init", str(tmp_path), "--json").json()
    assert done["left"] == [str(tmp_path / ".env")]
    assert len(done["new"]) == 2
    assert (tmp_path / ".env").read_text() == "A4S_DATA_DIR=elsewhere\n"


def test_the_settings_of_a_new_folder_are_the_defaults(
    here: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here("init", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    checked = here("check")
    assert checked.status == 2
    assert "A4S_GATEWAY_URL is not set" in checked.err


def test_the_file_of_settings_is_made_of_the_readme() -> None:
    """To mend it: `python -m a4s_pipeline_tests.installation.env_file`."""
    assert ENV_FILE.read_text(encoding="utf-8") == env_file(README.read_text(encoding="utf-8"))


def test_what_comes_next_names_commands_that_a_shell_finds_and_who_owns_the_folder(
    here: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    scripts = Path(sys.executable).parent
    # Only a4s is on the path where pipx installed it.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "a4s").symlink_to(scripts / "a4s")
    said = here("init", f"{tmp_path}/site", "--systemd", "--user", "nobody", PATH=f"{tmp_path}/bin").out
    assert f"Then, in {tmp_path}/site: `a4s check`, `a4s sync`, `{scripts}/dagster dev`, as nobody.\n" in said
    assert f"chown -R nobody: {tmp_path}/site\n" in said
    (tmp_path / "bin" / "a4s").unlink()
    assert f"`{scripts}/a4s check`" in here("init", f"{tmp_path}/site", PATH=f"{tmp_path}/bin").out


def test_the_units_are_filled_in_and_systemd_takes_them(here: Callable[..., Ended], tmp_path: Path) -> None:
    assert here("init", str(tmp_path), "--systemd", "--user", "nobody").status == 0
    units = sorted((tmp_path / "systemd").iterdir())
    assert ["User=nobody" in unit.read_text() for unit in units] == [True] * 3
    assert [unit.name for unit in units] == [
        "a4s-dagster-daemon.service",
        "a4s-dagster-webserver.service",
        "a4s-serve.service",
    ]
    for unit in units:
        text = unit.read_text()
        assert "{" not in text
        assert f"WorkingDirectory={tmp_path}" in text
    # systemd waits for longer than the server takes to answer what it accepted.
    patience = re.search(r"TimeoutStopSec=(\d+)", (tmp_path / "systemd" / "a4s-serve.service").read_text())
    assert patience is not None
    assert int(patience[1]) > LONGEST_END
    if shutil.which("systemd-analyze") is None:
        return
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, units)],
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    about_ours = [
        line for line in checked.stderr.splitlines() if "a4s-" in line and "not executable" not in line
    ]
    assert about_ours == []
