"""The architecture page names real files, functions, classes and methods."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "a4s_pipeline"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
_NAMED = re.compile(r"`([\w/]+\.py)(?:::([\w.]+))?`")
_MOST_WORDS = 30


@cache
def names_in(path: Path) -> frozenset[str]:
    """The functions and classes of a module, and its methods by class."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}.{inner.name}"
                for inner in node.body
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return frozenset(found)


def test_every_file_and_function_that_the_page_names_is_there() -> None:
    named = _NAMED.findall(PAGE)
    assert len(named) > 40
    missing = []
    for file, name in named:
        path = PACKAGE / file
        if file == "test_walls.py":
            path = Path(__file__).parent / file
        if not path.is_file() or (name and name not in names_in(path)):
            missing.append(f"{file}::{name}")
    assert missing == []


def test_every_room_is_on_the_page() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert [room for room in sorted(rooms) if f"{room}/" not in PAGE] == []


def test_the_glossary_is_short() -> None:
    glossary = PAGE.split("## Words")[1].split("## ")[0]
    assert 10 < glossary.count("\n| ") - 2 <= _MOST_WORDS


def test_every_decision_says_what_was_tried_or_what_would_change_it() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert len(records) >= 12
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert text.startswith("# "), record.name
        assert len(text.splitlines()) < 40, record.name
