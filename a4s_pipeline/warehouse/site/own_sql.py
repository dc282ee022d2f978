"""A site's own SQL: each file is one view in the schema `site`, and may read the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from a4s_pipeline.models.conventions import identifier, literal
from a4s_pipeline.warehouse.site.reference import Faulty
from a4s_pipeline.warehouse.store import Warehouse

SCHEMA = "site"
_VIEW_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_REMARK = re.compile(r"\s*(?:--[^\n]*\n|/\*.*?\*/)", re.DOTALL)
_NO_CODE = re.compile(r"--[^\n]*|/\*.*?\*/|'[^']*'", re.DOTALL)
_WORD = re.compile(r"[a-z_][a-z0-9_]*")
# An alias of a column or a relation is not a relation that is read.
_ALIAS = re.compile(r"\bas\s+[a-z_][a-z0-9_]*")


@dataclass(frozen=True)
class OwnView:
    """A view of the site: its name, the comment at the top of its file, and its query.

    `words` are the query's words in lower case, among them the names of the relations that it reads.
    """

    name: str
    comment: str
    query: str
    words: frozenset[str]

    def statements(self) -> list[str]:
        """Return the statements that make it."""
        name = f"{SCHEMA}.{identifier(self.name)}"
        return [
            f"CREATE OR REPLACE VIEW {name} AS {self.query}",
            f"COMMENT ON VIEW {name} IS {literal(self.comment)}",
        ]


def read_view(path: Path) -> OwnView:
    """Read a file of the site's SQL; raises `Faulty` if it is not a single query."""
    name = path.stem.lower()
    if not _VIEW_NAME.fullmatch(name):
        raise Faulty("its name is not valid for a view: use letters, digits and _")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Faulty("it is not UTF-8 text") from None
    except OSError as error:
        raise Faulty(f"it cannot be read ({error.strerror or type(error).__name__})") from None
    with duckdb.connect() as parser:
        try:
            statements = parser.extract_statements(text)
            if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
                raise Faulty("it must contain one SELECT, which becomes a view")
        except duckdb.Error as error:
            raise Faulty(str(error).splitlines()[0]) from None
    top = _REMARK.match(text)
    comment = " ".join(re.sub(r"--|/\*|\*/", " ", top[0]).split()) if top else ""
    return OwnView(
        name,
        comment or f"From models/{path.name}.",
        statements[0].query.strip().rstrip(";"),
        frozenset(_WORD.findall(_ALIAS.sub(" ", _NO_CODE.sub(" ", text).lower()))),
    )


def in_order(views: Sequence[OwnView]) -> list[OwnView]:
    """Return the views, each after those it seems to read; in a circle, one comes first."""
    by_name = {view.name: view for view in views}
    ordered: dict[str, OwnView] = {}
    for view in views:
        # No recursion: the site decides how long a chain of views is.
        way = [(view, iter(sorted(view.words & by_name.keys())))]
        seen = {view.name}
        while way:
            current, reads = way[-1]
            name = next(reads, None)
            if name is None:
                ordered.setdefault(current.name, current)
                way.pop()
            elif name not in ordered and name not in seen:
                seen.add(name)
                way.append((by_name[name], iter(sorted(by_name[name].words & by_name.keys()))))
    return list(ordered.values())


class _Rehearsed(Exception):
    """Rolls back a trial: how many views worked, and the fault of the next."""

    def __init__(self, worked: int, fault: Faulty | None) -> None:
        super().__init__(worked)
        self.worked = worked
        self.fault = fault


def rehearse(
    warehouse: Warehouse, working: Sequence[OwnView], views: Sequence[OwnView]
) -> tuple[int, Faulty | None]:
    """Try views on top of the working ones, in a transaction that is rolled back.

    Returns how many worked before the first faulty one, and its fault.
    """

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        for statement in all_anew(working):
            connection.execute(statement)
        for worked, view in enumerate(views):
            try:
                for statement in view.statements():
                    connection.execute(statement)
                connection.execute(f"SELECT * FROM {SCHEMA}.{identifier(view.name)} LIMIT 0")
            except duckdb.Error as error:
                raise _Rehearsed(worked, Faulty(str(error).splitlines()[0])) from None
        raise _Rehearsed(len(views), None)

    try:
        warehouse.transact(work)
    except _Rehearsed as rehearsed:
        return rehearsed.worked, rehearsed.fault
    raise AssertionError("a rehearsal is always taken back")


def all_anew(views: Sequence[OwnView]) -> list[str]:
    """Return the statements that replace all of the site's views by these."""
    statements = [f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE", f"CREATE SCHEMA {SCHEMA}"]
    return statements + [statement for view in views for statement in view.statements()]
