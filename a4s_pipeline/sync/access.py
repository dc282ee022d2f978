"""Distinguishes a record that the gateway refuses from a site where it refuses everything."""

from __future__ import annotations

from threading import Lock

from a4s_pipeline.errors import ChangeSite, Forbidden, HistoryNotConfigured, UnknownAdministration

REFUSED = (Forbidden, UnknownAdministration, HistoryNotConfigured)
"""Errors that normally blame the site, but may concern one record if it was asked for by itself."""

# Some records may belong to another department; this many refused and none allowed blames the site.
_MOST_REFUSED = 50


class Access:
    """Whether the gateway allowed one run to read any record of a kind; safe for threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_allowed = False
        self._refused = 0

    def note_allowed(self) -> None:
        """Note that a record could be read: from now on a refusal is about its own record."""
        self._is_allowed = True

    def note_refused(self, error: ChangeSite) -> None:
        """Note a refused record; raises the error if too many are refused and none was allowed."""
        with self._lock:
            self._refused += 1
        if not self._is_allowed and self._refused >= _MOST_REFUSED:
            raise error
