"""Does simultaneous requests of threads in one call; a single request is done at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from a4s_pipeline.errors import A4sError, TryAgain

Question = TypeVar("Question")
Answer = TypeVar("Answer")

# Two calls instead of one cost about 4 ms more of processor time.
_LONGEST_GATHERING = 0.02
_MOST_PASSED_OVER = 2


class _Asked(Generic[Question, Answer]):
    """One thread's request, and its result."""

    def __init__(self, question: Question, kind: Hashable) -> None:
        self.question = question
        self.kind = kind
        self.passed_over = 0
        self.answer: list[Answer] = []
        self.error: Exception | None = None
        self.woken = threading.Event()
        """Set when it is done, or when its thread should make the next call."""

    @property
    def is_done(self) -> bool:
        return bool(self.answer) or self.error is not None


class Batcher(Generic[Question, Answer]):
    """Passes waiting requests to `answer_all`, which answers all or raises; one call at a time.

    The first thread calls it for itself. Threads that arrive meanwhile wait, and one of them then calls it
    for all waiting requests of one kind (by `kind_of`), the most frequent one. Threads that were answered
    together are likely to ask again at about the same time, so a call waits up to 20 ms for as many as the
    previous one had.
    """

    def __init__(
        self,
        answer_all: Callable[[Sequence[Question]], Sequence[Answer]],
        kind_of: Callable[[Question], Hashable] = lambda _: None,
    ) -> None:
        self._answer_all = answer_all
        self._kind_of = kind_of
        self._lock = threading.Lock()
        self._is_busy = False
        self._waiting: list[_Asked[Question, Answer]] = []
        self._usual = 1
        self._are_all_here = threading.Event()

    @property
    def waiting(self) -> int:
        """How many requests wait for a call."""
        with self._lock:
            return len(self._waiting)

    def ask(self, question: Question) -> Answer:
        """Return the answer, or raise the error that prevented it."""
        mine = _Asked[Question, Answer](question, self._kind_of(question))
        with self._lock:
            self._waiting.append(mine)
            if not self._is_busy:
                self._is_busy = True
                mine.woken.set()
            elif self._most() >= self._usual:
                self._are_all_here.set()
        while True:
            try:
                mine.woken.wait()
                if not mine.is_done:
                    self._gather()
            except BaseException:
                self._withdraw(mine)
                raise
            if mine.is_done:
                break
            with self._lock:
                mine.woken.clear()
                group = self._chosen()
            try:
                self._answer(group)
            finally:
                self._end(group)
        if mine.error is not None:
            raise mine.error
        return mine.answer[0]

    def _gather(self) -> None:
        with self._lock:
            self._are_all_here.clear()
            missing = self._usual - self._most()
        if missing > 0:
            self._are_all_here.wait(_LONGEST_GATHERING)

    def _most(self) -> int:
        return max(Counter(one.kind for one in self._waiting).values())

    def _chosen(self) -> list[_Asked[Question, Answer]]:
        """Take the requests of the most frequent kind, or of the oldest if it was passed over twice."""
        oldest = self._waiting[0]
        kinds = Counter(one.kind for one in self._waiting)
        kind = oldest.kind if oldest.passed_over >= _MOST_PASSED_OVER else kinds.most_common(1)[0][0]
        chosen = [one for one in self._waiting if one.kind == kind]
        self._waiting = [one for one in self._waiting if one.kind != kind]
        for one in self._waiting:
            one.passed_over += 1
        return chosen

    def _withdraw(self, mine: _Asked[Question, Answer]) -> None:
        """Withdraw the request of an interrupted thread, and let another make the next call."""
        with self._lock:
            is_next = mine.woken.is_set() and not mine.is_done
            if mine in self._waiting:
                self._waiting.remove(mine)
            if is_next:
                self._hand_on()

    def _answer(self, group: Sequence[_Asked[Question, Answer]]) -> None:
        try:
            answers = self._answer_all([one.question for one in group])
        except A4sError as error:
            # The store is not available to any of them.
            for one in group:
                one.error = error
        except Exception as error:
            # Perhaps only one of them cannot be written: it must not stop the others.
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
                # The store is not available any more: the others would wait for it one after another.
                for other in group[number:]:
                    other.error = one.error
                return

    def _end(self, group: Sequence[_Asked[Question, Answer]]) -> None:
        for one in group:
            if not one.is_done:
                one.error = TryAgain("the process was about to end: ask again")
            one.woken.set()
        with self._lock:
            self._usual = len(group)
            self._hand_on()

    def _hand_on(self) -> None:
        if self._waiting:
            self._waiting[0].woken.set()
        else:
            self._is_busy = False
