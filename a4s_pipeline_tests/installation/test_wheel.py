"""An installation without the source: the wheel includes every file, and works where it should."""

from __future__ import annotations

import runpy
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("a4s_pipeline", "a4s_sandbox")


def test_every_file_beside_the_code_is_taken_along() -> None:
    """The wheel includes all modules, and those other files that pyproject.toml names."""
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert setuptools["packages"]["find"]["include"] == [f"{package}*" for package in PACKAGES]
    named = setuptools["package-data"]
    patterns = [
        f"{package.replace('.', '/')}/{pattern}" for package, those in named.items() for pattern in those
    ]
    others = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    assert {path for path in others if not any(fnmatch(path, pattern) for pattern in patterns)} == set()
    assert [pattern for pattern in patterns if not any(fnmatch(path, pattern) for path in others)] == []


def test_on_windows_one_line_says_where_to_run_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "a4s_pipeline" / "__init__.py"))
    assert ended.value.code == "a4s-pipeline runs on Linux and macOS; on Windows, run it in WSL 2"
