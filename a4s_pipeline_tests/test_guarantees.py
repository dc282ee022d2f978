"""The guarantees page holds: each sentence names tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
_PROMISE = re.compile(r"^- (.+?)(?=^- |^\*\*|^#|\Z)", re.MULTILINE | re.DOTALL)
_TEST = re.compile(r"^  - `([\w/]+\.py)::(test_\w+)`$", re.MULTILINE)
PROMISES = {" ".join(text.split("\n  - ")[0].split()): text for text in _PROMISE.findall(PAGE)}


@cache
def _tests_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("promise", PROMISES)
def test_each_sentence_names_tests_that_exist(promise: str) -> None:
    text = PROMISES[promise]
    named = _TEST.findall(text)
    assert len(named) == text.count("\n  - ") > 0
    for path, name in named:
        assert name in _tests_of(ROOT / "a4s_pipeline_tests" / path), f"{path}::{name}"


def test_the_page_speaks_of_every_step() -> None:
    assert len(PROMISES) > 30
    assert PAGE.count("**Not promised.**") >= 3
