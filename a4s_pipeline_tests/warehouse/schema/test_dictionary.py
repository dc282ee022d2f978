from pathlib import Path

import pytest

from a4s_pipeline.warehouse.schema.joins import JOINS
from a4s_pipeline.warehouse.schema.machine_readable import relations_document
from a4s_pipeline.warehouse.schema.views import Conventions, views_by
from a4s_pipeline.warehouse.table import Table, View
from a4s_pipeline.warehouse.tables import REFERENCE_TABLES, TABLES
from a4s_pipeline_tests.support.project import ROOT
from a4s_pipeline_tests.warehouse.schema.dictionary import data_dictionary, main, relations_text

_FILE = ROOT / "docs" / "data-dictionary.md"


def test_the_file_is_what_the_descriptions_say() -> None:
    """To mend it: `python -m a4s_pipeline_tests.warehouse.schema.dictionary docs/data-dictionary.md`."""
    assert _FILE.read_text(encoding="utf-8") == data_dictionary()
    assert _FILE.with_name("relations.json").read_text(encoding="utf-8") == relations_text()


def test_relations_and_joins_for_programs_name_what_is_there() -> None:
    document = relations_document(Conventions())
    columns = {one["name"]: {column["name"] for column in one["columns"]} for one in document["relations"]}
    for one in document["relations"]:
        assert {*one["key"], *one["notNull"], *one["accepted"]} <= columns[one["name"]]
        assert set(one["reads"]) <= columns.keys()
    for join in document["joins"]:
        assert {own for own, _ in join["on"]} <= columns[join["from"]]
        assert {there for _, there in join["on"]} <= columns[join["to"]]


def test_it_is_written_to_the_file_named_and_printed_without_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(tmp_path / "written.md")])
    assert (tmp_path / "written.md").read_text(encoding="utf-8") == data_dictionary()
    main([])
    assert capsys.readouterr().out == data_dictionary()


def test_every_table_view_and_column_is_in_it() -> None:
    sections = dict(
        section.split("\n", maxsplit=1) for section in data_dictionary().split("\n### ")[1:]
    )  # fmt: skip
    relations: tuple[Table | View, ...] = (*TABLES, *REFERENCE_TABLES, *views_by(Conventions()))
    described = {relation.name: relation for relation in relations}
    assert sections.keys() == described.keys()
    for name, relation in described.items():
        for column in relation.columns:
            assert f"| `{column.name}` | {column.type} |" in sections[name]
            assert column.comment


def test_tables_join_on_columns_that_both_have() -> None:
    for join in JOINS:
        parent = {column.name: column.type for column in join.parent.columns}
        child = {column.name: column.type for column in join.child.columns}
        assert join.on, join
        for ours, theirs in join.on:
            assert parent[ours] == child[theirs], join
        assert "connector" in parent, join
        assert "connector" in child, join
