"""The page of error codes names exactly the codes in the source."""

import ast
import re
from collections.abc import Iterator

from a4s_pipeline_tests.support.project import ROOT

PROJECT = ROOT
PAGE = PROJECT / "docs" / "errors.md"
# What the contract's gateway says, and is passed on by its own code.
OF_THE_GATEWAY = {"ValidationFailed", "UnknownImage", "DuplicateExternalId", "DuplicateCustomerCode"}
OF_ITS_ANSWERS = {"Conflict", "Accepted", "Redirected"}


def codes_in(source: str) -> Iterator[str]:
    """Yield each constant given to `code`, as an argument or as a class attribute."""
    for node in ast.walk(ast.parse(source)):
        given: list[ast.expr] = []
        if isinstance(node, ast.keyword) and node.arg == "code":
            given = [node.value]
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named = any(isinstance(target, ast.Name) and target.id == "code" for target in targets)
            given = [node.value] if named else []
        for value in given:
            texts = (part.value for part in ast.walk(value) if isinstance(part, ast.Constant))
            yield from (
                text for text in texts if isinstance(text, str) and re.fullmatch(r"[A-Z][A-Za-z]+", text)
            )


def test_the_page_has_every_code_that_a_user_may_meet_and_no_other() -> None:
    modules = [path for path in (PROJECT / "a4s_pipeline").rglob("*.py") if "sandbox" not in path.parts]
    used = {code for path in modules for code in codes_in(path.read_text(encoding="utf-8"))}
    assert len(used) > 40
    first_cells = [line.split("|")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    told = [code for cell in first_cells for code in re.findall(r"`(\w+)`", cell)]
    assert sorted(told) == sorted(used | OF_THE_GATEWAY | OF_ITS_ANSWERS)
