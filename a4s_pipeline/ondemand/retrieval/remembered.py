"""Remembers answers from one version of a store as long as it is the newest."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

_MOST_BYTES = 32 << 20
_TURNS = 16


class Remembered:
    """The most recent answers; a new version of the store clears them all.

    The published copy is replaced whole and never changed, so until then the same question has the same
    answer. Safe for threads.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._turns = [threading.Lock() for _ in range(_TURNS)]
        self._version: Hashable = None
        self._answers: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._bytes = 0

    def find(self, version: Hashable, question: Hashable) -> Any:
        """Return the answer to a question from this version; None if it was not asked."""
        with self._lock:
            self._forget_others(version)
            found = self._answers.get(question)
            if found is None:
                return None
            self._answers.move_to_end(question)
            return found[0]

    def turn(self, question: Hashable) -> threading.Lock:
        """Return the lock for answering a question: others with the same question then find the answer."""
        return self._turns[hash(question) % len(self._turns)]

    def keep(self, version: Hashable, question: Hashable, answer: Any, size: int) -> None:
        """Remember an answer of this size in bytes."""
        # A customer's code may be as long as a request.
        size += len(repr(question))
        with self._lock:
            self._forget_others(version)
            self._bytes += size - self._answers.pop(question, (None, 0))[1]
            self._answers[question] = answer, size
            while self._bytes > self._most_bytes:
                self._bytes -= self._answers.popitem(last=False)[1][1]

    def _forget_others(self, version: Hashable) -> None:
        if version != self._version:
            self._version, self._bytes = version, 0
            self._answers.clear()
