"""Tells a record that the gateway forbids (403) from credentials that it forbids everything of a kind."""

from __future__ import annotations

from threading import Lock

from a4s_pipeline.errors import Forbidden

# Some records may be another department's; so many in a row, and none allowed, are no longer some.
_MOST_FORBIDDEN = 50


class Access:
    """What one run was allowed to have of one kind of record; threads may note side by side."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_allowed = False
        self._forbidden = 0

    def note_allowed(self) -> None:
        """Note that a record could be had: what is forbidden then is a matter of its own record."""
        self._is_allowed = True

    def note_forbidden(self, error: Forbidden) -> None:
        """Note a record that is forbidden; raises the error where so many are, and none was allowed."""
        with self._lock:
            self._forbidden += 1
        if not self._is_allowed and self._forbidden >= _MOST_FORBIDDEN:
            raise error
