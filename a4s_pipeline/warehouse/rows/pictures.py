"""Finds the pictures that items name in the published copy."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb


def pictures_of(
    connection: duckdb.DuckDBPyConnection, connector: str, item_codes: Sequence[str]
) -> dict[str, str]:
    """Return the picture hashes of these items, or of all, each with an item that names it.

    Removed items are left out unless they are named.
    """
    return dict(
        connection.execute(
            """
            SELECT hash, min(item_code) FROM item_images SEMI JOIN (
                FROM items WHERE connector = $connector AND CASE
                    WHEN $whole THEN removed_at IS NULL
                    ELSE item_code IN (SELECT unnest($codes::VARCHAR[]))
                END
            ) AS wanted USING (connector, item_code)
            GROUP BY hash ORDER BY min(item_code), hash
            """,
            {"connector": connector, "codes": list(item_codes), "whole": not item_codes},
        ).fetchall()
    )


def items_not_stored(
    connection: duckdb.DuckDBPyConnection, connector: str, item_codes: Sequence[str]
) -> list[str]:
    """Return the codes that no item has."""
    stored = connection.execute(
        "SELECT item_code FROM items "
        "WHERE connector = $connector AND item_code IN (SELECT unnest($codes::VARCHAR[]))",
        {"connector": connector, "codes": list(item_codes)},
    ).fetchall()
    known = {code for (code,) in stored}
    return [code for code in item_codes if code not in known]
