"""The metrics as a file for node_exporter's textfile collector, rewritten after each import."""

from __future__ import annotations

import logging

from a4s_pipeline.files.whole_files import write_whole
from a4s_pipeline.platform import Platform

_log = logging.getLogger(__name__)
# node_exporter runs as a user of its own, and the shipped units let nobody else read what they write.
_READABLE_FOR_ALL = 0o644


def write_metrics_file(platform: Platform) -> None:
    """Write the file that A4S_METRICS_FILE names, if any; log why it cannot be written."""
    target = platform.settings.metrics_file
    if target is None:
        return
    # The Prometheus client is loaded only if it is used.
    from a4s_pipeline.metrics.collecting import collected  # noqa: PLC0415
    from a4s_pipeline.metrics.families import page_of  # noqa: PLC0415

    try:
        write_whole(target.absolute(), page_of(collected(platform)), mode=_READABLE_FOR_ALL)
    except OSError as error:
        _log.warning(
            "a4s: A4S_METRICS_FILE: %s cannot be written (%s): give the user who imports write access to "
            "its folder",
            target,
            error.strerror,
        )
