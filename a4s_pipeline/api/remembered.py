"""Answers that were made of the published copy, for as long as it is the newest."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

_MOST_BYTES = 32 << 20


class RememberedAnswers:
    """The bytes of answers, those asked for last first to stay; another copy, and all are forgotten.

    The copy is replaced whole and never changed, so that the same question has the same answer until then.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._version: Hashable = None
        self._answers: OrderedDict[Hashable, bytes] = OrderedDict()
        self._bytes = 0

    def find(self, version: Hashable, question: Hashable) -> bytes | None:
        """Return what was answered to a question out of this version of the copy."""
        self._forget_others(version)
        found = self._answers.get(question)
        if found is not None:
            self._answers.move_to_end(question)
        return found

    def keep(self, version: Hashable, question: Hashable, answer: bytes) -> None:
        """Remember an answer."""
        self._forget_others(version)
        self._bytes += len(answer) - len(self._answers.pop(question, b""))
        self._answers[question] = answer
        while self._bytes > self._most_bytes:
            self._bytes -= len(self._answers.popitem(last=False)[1])

    def _forget_others(self, version: Hashable) -> None:
        if version != self._version:
            self._version, self._bytes = version, 0
            self._answers.clear()
