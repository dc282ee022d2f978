"""Does in one go what several threads ask at the same moment; what is asked alone is done at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from a4s_pipeline.errors import A4sError, TryAgain

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class _Asked(Generic[Question, Answer]):
    """What one thread asks, and what becomes of it."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.answer: list[Answer] = []
        self.error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return bool(self.answer) or self.error is not None


class Together(Generic[Question, Answer]):
    """Hands what waits to `answer_all`, which answers all of it or raises; one call of it at a time.

    The first to come calls it for itself alone. Whoever comes meanwhile waits, and one of them then calls it
    for all of them.
    """

    def __init__(self, answer_all: Callable[[Sequence[Question]], Sequence[Answer]]) -> None:
        self._answer_all = answer_all
        self._changed = threading.Condition()
        self._is_busy = False
        self._waiting: list[_Asked[Question, Answer]] = []

    @property
    def waiting(self) -> int:
        """How many questions wait for the one call that is under way."""
        with self._changed:
            return len(self._waiting)

    def ask(self, question: Question) -> Answer:
        """Return the answer, or raise what kept this question from having one."""
        mine = _Asked[Question, Answer](question)
        with self._changed:
            self._waiting.append(mine)
            self._changed.wait_for(lambda: mine.is_done or not self._is_busy)
            group = [] if mine.is_done else self._waiting
            if group:
                self._is_busy, self._waiting = True, []
        if group:
            try:
                self._answer(group)
            finally:
                self._end(group)
        if mine.error is not None:
            raise mine.error
        return mine.answer[0]

    def _answer(self, group: Sequence[_Asked[Question, Answer]]) -> None:
        try:
            answers = self._answer_all([one.question for one in group])
        except A4sError as error:
            # The store cannot be had, by none of them.
            for one in group:
                one.error = error
        except Exception as error:
            # It may be one of them that cannot be written: it keeps none of the others from it.
            if len(group) == 1:
                group[0].error = error
            else:
                self._answer_each(group)
        else:
            for one, answer in zip(group, answers, strict=True):
                one.answer.append(answer)

    def _answer_each(self, group: Sequence[_Asked[Question, Answer]]) -> None:
        for number, one in enumerate(group, start=1):
            self._answer([one])
            if isinstance(one.error, A4sError):
                # The store cannot be had any more: the others would wait for it one after another.
                for other in group[number:]:
                    other.error = one.error
                return

    def _end(self, group: Sequence[_Asked[Question, Answer]]) -> None:
        with self._changed:
            for one in group:
                if not one.is_done:
                    one.error = TryAgain("the process was about to end: ask again")
            self._is_busy = False
            self._changed.notify_all()
