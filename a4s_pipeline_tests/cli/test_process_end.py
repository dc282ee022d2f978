"""How a command ends: at once, with everything printed and nothing left behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
