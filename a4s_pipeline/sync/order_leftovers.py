"""Orders that were stored without their lines: each sync asks for those lines before anything else."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.sync.order_lines import LinesRead, LinesUnreadable, fetch_lines
from a4s_pipeline.sync.order_writer import OrderWriter
from a4s_pipeline.sync.rows import set_aside_of
from a4s_pipeline.sync.stream_run import StreamRun
from a4s_pipeline.warehouse.orders import LINES_STREAM, FilledLines, fill_lines, orders_left
from a4s_pipeline.warehouse.state import SetAside
from a4s_pipeline.warehouse.store import Warehouse

LEFT_AT_ONCE = 500


def fill_what_is_left(
    left: Sequence[tuple[datetime, str]],
    administration: Administration,
    warehouse: Warehouse,
    writer: OrderWriter,
    pool: ThreadPoolExecutor,
    run: StreamRun,
) -> None:
    """Ask for the lines that earlier syncs could not have; `left` names the first such orders."""
    stamp, result = run.stamp, run.result
    while left:
        asked = {code: pool.submit(fetch_lines, administration, code, stamp, run.drift) for _, code in left}
        filled: dict[str, FilledLines] = {}
        set_aside: list[SetAside] = []
        for code, future in asked.items():
            lines = future.result()
            if isinstance(lines, LinesRead):
                filled[code] = FilledLines(lines.rows, lines.fingerprint)
                continue
            if isinstance(lines, LinesUnreadable):
                writer.failed.add(code)
                set_aside.append(set_aside_of(LINES_STREAM, lines.unreadable, None))
            else:
                writer.leave(code, lines)
        result.set_aside += len(set_aside)
        result.lines_set_aside += len(set_aside)
        came = fill_lines(warehouse, filled, set_aside, writer.progress({}))
        writer.count_filled({code: order_date for order_date, code in left}, came)
        with warehouse.moment() as connection:
            left = orders_left(connection, stamp.connector, left[-1], LEFT_AT_ONCE)
