"""No statement is built from data: only texts of this package go into SQL."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from a4s_pipeline_tests.support.project import ROOT

PACKAGE = ROOT / "a4s_pipeline"
_METHODS = {"execute", "executemany", "sql", "query", "from_query"}
_SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER TABLE|COMMENT ON|MACRO)\b")

OWN_NAMES = "names, types and conditions that warehouse declares"
CONSTANTS = "constants of the package, each a whole query or a part of one"
SETTINGS = "settings of the operator, quoted: ATTACH and CREATE SECRET have no parameters"
# Each function in which something is put into a statement, and why that is never data.
OWN = {
    "api/handlers/history.py": "the query of a URL, no statement",
    "warehouse/file/warehouse_file.py _whole_since": "names of tables as the file itself has them, quoted",
    "warehouse/health.py (module)": CONSTANTS,
    "warehouse/rows/counting.py": "our own tables, and views that are there, by their names, quoted",
    "warehouse/rows/orders/partition_rows.py": OWN_NAMES,
    "warehouse/rows/acknowledged.py": CONSTANTS,
    "warehouse/rows/ondemand/retention.py": CONSTANTS,
    "warehouse/rows/state.py count_of_run": CONSTANTS,
    "warehouse/rows/orders/sub_totals.py": CONSTANTS,
    "warehouse/schema/migrations.py": OWN_NAMES,
    "cli/demo.py _show": CONSTANTS,
    "report/sales.py _top": CONSTANTS,
    "report/upkeep.py _count": CONSTANTS,
    "warehouse/health.py _broken": CONSTANTS,
    "warehouse/health.py is_filled": OWN_NAMES,
    "warehouse/rows/ondemand/ledger.py": OWN_NAMES,
    "warehouse/rows/records.py": OWN_NAMES,
    "warehouse/rows/orders/retrieval.py": OWN_NAMES,
    "warehouse/table.py": OWN_NAMES,
    "warehouse/rows/staging.py": OWN_NAMES,
    "warehouse/rows/state.py save_progress": "names of columns, checked against those of the table",
    "warehouse/schema/applied_schema.py": "what schema.py makes, and a hash of it",
    "locks/postgres_session.py": CONSTANTS,
    "warehouse/lake/attached.py": SETTINGS,
    "warehouse/lake/lake_compared.py": OWN_NAMES,
    "warehouse/lake/lake_export.py": f"{OWN_NAMES}; and {SETTINGS}",
    "warehouse/lake/lake_upkeep.py": CONSTANTS,
    "warehouse/lake/lake.py _done": CONSTANTS,
    "warehouse/rows/privacy/forgetting.py": OWN_NAMES,
    "warehouse/rows/row_changes.py": OWN_NAMES,
    "warehouse/file/warehouse_file.py _copy_everything": "paths and names of our own files, quoted",
    "warehouse/site/": "names of the operator's own files and columns, quoted, and the operator's own SQL",
    "warehouse/schema/relations.py": OWN_NAMES,
    "exporting/export.py": "our own tables and columns, and conditions of ours",
    "frames/reading.py": OWN_NAMES,
    "notebook/sales_and_stock.py": CONSTANTS,
    "warehouse/rows/versions.py": OWN_NAMES,
    "warehouse/schema/views.py": "the name of a time zone that was found to exist",
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def put_together(tree: ast.Module) -> Iterator[int]:
    """The lines where SQL is built: by formatting, adding or replacing texts, or by name."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.expr):
            continue
        if is_formatted_sql(node) or is_statement_made_elsewhere(node, tree):
            yield node.lineno


def is_statement_made_elsewhere(node: ast.AST, tree: ast.Module) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _METHODS
        # A run of a stream is executed too, and is no statement.
        and not ast.unparse(node.func.value).endswith("_run")
        and bool(node.args)
        and not is_constant(node.args[0], tree)
    )


def is_formatted_sql(node: ast.AST) -> bool:
    if isinstance(node, ast.JoinedStr):
        texts = [part.value for part in node.values if isinstance(part, ast.Constant)]
        return len(texts) < len(node.values) and bool(_SQL.search(" ".join(map(str, texts))))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return any(is_sql_text(side) for side in (node.left, node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in {"format", "join", "replace"} and is_sql_text(node.func.value)
    return False


def is_sql_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_SQL.search(node.value))


def is_constant(node: ast.AST, tree: ast.Module) -> bool:
    """A literal text, or the name of a constant of the module."""
    if isinstance(node, ast.Constant):
        return True
    if not isinstance(node, ast.Name):
        return False
    return any(
        isinstance(one, ast.Assign)
        and isinstance(one.value, ast.Constant)
        and any(isinstance(target, ast.Name) and target.id == node.id for target in one.targets)
        for one in tree.body
    )


def found() -> list[str]:
    """Each file and function in which a statement is built."""
    places = set()
    for path in modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for line in put_together(tree):
            places.add(f"{path.relative_to(PACKAGE).as_posix()} {function_at(tree, line)}")
    return sorted(places)


def function_at(tree: ast.Module, line: int) -> str:
    inside = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return inside[-1] if inside else "(module)"


def test_sql_is_put_together_only_in_known_places() -> None:
    unknown = [place for place in found() if not place.startswith(tuple(OWN))]
    assert unknown == [], "use parameters, or say in OWN why what is put into the statement is never data"


def test_every_known_place_still_is_one() -> None:
    places = found()
    assert [known for known in OWN if not any(place.startswith(known) for place in places)] == []


@pytest.mark.parametrize(
    "source",
    [
        'c.execute(f"SELECT * FROM orders WHERE code = {code}")',
        'query = f"DELETE FROM {table}"',
        'c.execute("SELECT 1 WHERE x = " + code)',
        'c.execute("SELECT 1 WHERE x = %s" % code)',
        'c.sql("SELECT 1 WHERE x = {}".format(code))',
        "c.execute(statement)",
        "c.execute(build(code), [1])",
        'c.execute(" ".join(parts))',
    ],
)
def test_a_statement_made_of_data_would_be_found(source: str) -> None:
    assert set(put_together(ast.parse(source))) == {1}


@pytest.mark.parametrize(
    "source",
    ['c.execute("SELECT $1", [code])', 'Q = "SELECT $code"\nc.execute(Q, {"code": code})', 'f"read {name}"'],
)
def test_a_statement_with_parameters_is_none_of_those(source: str) -> None:
    assert list(put_together(ast.parse(source))) == []
