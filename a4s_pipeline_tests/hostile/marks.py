"""Looks for marked secrets everywhere: in plain text, encoded, and inside stores."""

from __future__ import annotations

import base64
import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

import duckdb

_SQLITE = b"SQLite format 3\0"


def forms_of(secret: str) -> dict[str, bytes]:
    """The forms in which a secret may be written."""
    raw = secret.encode()
    forms = {
        "plain": raw,
        "percent-encoded": quote(secret, safe="").encode(),
        "form-encoded": quote_plus(secret).encode(),
        "as JSON": json.dumps(secret)[1:-1].encode(),
        "as JSON within JSON": json.dumps(json.dumps(secret)[1:-1])[1:-1].encode(),
        "repr": repr(secret)[1:-1].encode(),
        "ascii": ascii(secret)[1:-1].encode(),
        "bytes": repr(raw)[2:-1].encode(),
        "backwards": secret[::-1].encode(),
        "UTF-16": secret.encode("utf-16-le"),
        "hex": raw.hex().encode(),
    }
    for shift in range(3):
        # Base64 of a text that the secret is a part of differs by where in it the secret begins; its ends
        # are mixed with what is beside it.
        whole = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
        forms[f"base64 at {shift}"] = whole[4 if shift else 0 : -3]
    return forms


def leaks(secrets: Iterable[str], contents: Iterable[tuple[str, bytes]]) -> list[str]:
    """Where and in which form a secret is found, by the name of the content."""
    forms = {(secret, form): mark for secret in secrets for form, mark in forms_of(secret).items()}
    return [
        f"{name}: {secret!r} {form}"
        for name, content in contents
        for (secret, form), mark in forms.items()
        if mark in content
    ]


def contents_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The name and bytes of every file, and the contents of stores, compressed or not."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        yield f"the name {name}", name.encode("utf-8", "surrogateescape")
        if not path.is_file() or path.name == ".env":
            continue
        raw = path.read_bytes()
        yield name, raw
        if path.suffix == ".duckdb":
            yield f"the rows of {name}", b"\n".join(_rows_of_duckdb(path))
        elif raw.startswith(_SQLITE):
            yield f"the rows of {name}", b"\n".join(_rows_of_sqlite(path))


def _rows_of_duckdb(path: Path) -> Iterator[bytes]:
    with duckdb.connect(str(path), read_only=True) as connection:
        for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            for row in connection.table(table).fetchall():
                yield "\t".join(map(str, row)).encode("utf-8", "replace")


def _rows_of_sqlite(path: Path) -> Iterator[bytes]:
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM "{table.decode()}"'):
                for cell in row:
                    yield cell if isinstance(cell, bytes) else str(cell).encode()
                    if isinstance(cell, bytes):
                        with suppress(zlib.error):
                            yield zlib.decompress(cell)
