"""The report: one HTML page of pictures and tables, drawn from what analysts read alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from a4s_pipeline.errors import ChangeSite
from a4s_pipeline.models import DEFAULT_ZONE
from a4s_pipeline.warehouse.store import Readable


def write_report(
    store: Readable,
    target: Path,
    *,
    connectors: Mapping[str, Collection[str]] | None = None,
    zone: ZoneInfo = DEFAULT_ZONE,
) -> Path:
    """Write the page on what analysts read to `target`, replacing it at once; return its absolute path.

    `connectors`, each with its streams, are shown in their order, by default all that it holds; `zone` is
    that of the dates and times on the page. Raises `NotPublished` where nothing was synced, and
    `ChangeSite` where the copy is of another version, the page cannot be written, or the extra `report` is
    not installed.
    """
    # Matplotlib takes most of a second to import, and only this needs it.
    try:
        from a4s_pipeline.report.page import render  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("a4s_pipeline"):
            raise
        raise ChangeSite(
            f"a report needs more than is installed, {missing.name} among it: "
            "pip install 'a4s-pipeline[report]'"
        ) from None
    from a4s_pipeline.report.saving import replace_file  # noqa: PLC0415

    page = render(store, connectors, datetime.now(UTC).astimezone(zone))
    return replace_file(target, page)
