"""What was made of one version of a store, for as long as it is the newest."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

_MOST_BYTES = 32 << 20
_TURNS = 16


class Remembered:
    """Answers to questions, those asked last to stay; another version of the store, and all are forgotten.

    The published copy is replaced whole and never changed, so that the same question has the same answer
    until then. Threads may ask and keep side by side.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._turns = [threading.Lock() for _ in range(_TURNS)]
        self._version: Hashable = None
        self._answers: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._bytes = 0

    def find(self, version: Hashable, question: Hashable) -> Any:
        """Return what was answered to a question out of this version; None where it was not asked."""
        with self._lock:
            self._forget_others(version)
            found = self._answers.get(question)
            if found is None:
                return None
            self._answers.move_to_end(question)
            return found[0]

    def turn(self, question: Hashable) -> threading.Lock:
        """Return the lock to answer a question under: whoever asks the same meanwhile finds the answer."""
        return self._turns[hash(question) % len(self._turns)]

    def keep(self, version: Hashable, question: Hashable, answer: Any, size: int) -> None:
        """Remember an answer, which takes so many bytes."""
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
