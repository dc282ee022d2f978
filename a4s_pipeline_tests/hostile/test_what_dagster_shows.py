"""Texts from the gateway go to Dagster as text: its UI would render Markdown, links and notebooks."""

import ast

from a4s_pipeline_tests.support.project import ROOT

PACKAGE = ROOT / "a4s_pipeline"
# These are shown as they are; `md`, `url` and `notebook` are not, and `path` is for our own files.
SHOWN_AS_TEXT = {
    *("timestamp", "table", "json", "path", "int", "float", "text", "bool", "dagster_run"),
    "TableMetadataValue",
}


def metadata_kinds(source: str) -> set[str]:
    """The kinds of metadata that a module makes."""
    return {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("MetadataValue")
    } | {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and node.attr.endswith("MetadataValue")
        and node.attr != "MetadataValue"
    }


def test_no_metadata_is_anything_but_text_numbers_and_tables() -> None:
    found = {
        path.name: metadata_kinds(path.read_text(encoding="utf-8")) - SHOWN_AS_TEXT
        for path in (PACKAGE / "orchestration").rglob("*.py")
    }
    assert {name: kinds for name, kinds in found.items() if kinds} == {}


def test_markdown_would_be_found() -> None:
    assert metadata_kinds("dg.MetadataValue.md(text)") == {"md"}
    assert metadata_kinds("dg.MarkdownMetadataValue(text)") == {"MarkdownMetadataValue"}


def test_no_metadata_path_comes_from_data() -> None:
    """`path` is a link in the UI: it only ever holds the platform's own files."""
    written = [
        ast.unparse(node.args[0])
        for path in (PACKAGE / "orchestration").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("MetadataValue.path")
    ]
    assert set(written) <= {"str(copy.path)", "str(platform.settings.images_path)"}
