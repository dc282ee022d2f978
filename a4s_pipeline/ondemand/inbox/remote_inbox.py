"""The inbox for several machines: any number of runs answer it, each request once.

A request is claimed by a lock of the installation, because file locks are unreliable on a network and do not
exist in an object store. After claiming, a run looks again: the request may have been answered since the
listing. Such a store moves files by copying and deleting, so a kill may come between any two steps, in this
order: the answer is stored under the id and a digest of the request; the request is copied to its final
folder; its answer is written to the outbox; the original request is deleted. After the first step, a run that
finds the request again finds its answer by its bytes, gives it, and does the rest. Before the third, nobody
has seen an answer; afterwards another request may replace it, which the copy reveals.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from pathlib import PurePosixPath

from a4s_pipeline.errors import A4sError
from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline.ondemand.inbox.inbox import (
    ENDING,
    Waiting,
    duplicate,
    is_plain_id,
    name_beside,
    name_of_kept,
    name_of_last_resort,
    no_plain_id,
)
from a4s_pipeline.ondemand.inbox.stores import Fetched, Store
from a4s_pipeline.ondemand.requests.parsing import LARGEST_REQUEST

_INBOX, _OUTBOX = "inbox", "outbox"
_DONE, _FAILED, _UNSETTLED, _ANSWERS = "inbox/done", "inbox/failed", "inbox/.unsettled", "inbox/.answers"
# With file locks, one per id would leave a file for each id for ever.
_LOCK_GROUPS = 1024


class _InOtherHands(A4sError):
    """Another process has claimed the request, or one with the same lock."""


class RemoteInbox:
    """The folders of requests and answers in a store."""

    # Each look takes two calls to a store that needs about 50 ms for one, and may charge for it.
    look_every = 1.0

    def __init__(self, store: Store, locks: Locks) -> None:
        self._store = store
        self._locks = locks
        self.where = f"{store.where}/inbox"

    def prepare(self) -> None:
        """Make the folders, and clear away what killed processes had half written."""
        self._store.prepare((_INBOX, _OUTBOX, _DONE, _FAILED, _UNSETTLED, _ANSWERS))

    def waiting(self) -> list[PurePosixPath]:
        """Return the requests that wait, in no order."""
        return [PurePosixPath(_INBOX, name) for name in self._store.names(_INBOX)]

    def unsettled(self) -> list[PurePosixPath]:
        """Return the requests with an unknown outcome."""
        return [PurePosixPath(_UNSETTLED, name) for name in self._store.names(_UNSETTLED)]

    @contextmanager
    def claimed(self, path: PurePosixPath) -> Iterator[Waiting | None]:
        """Claim a request within the block; None if another process has it, or it is gone.

        The claim is for the id: a waiting and an unsettled request with one id take turns.
        """
        request_id = path.name.removesuffix(ENDING)
        with ExitStack() as claim:
            try:
                claim.enter_context(self._locks.exclusive(self._lock_of(request_id), 0, _InOtherHands))
            except _InOtherHands:
                is_ours = False
            else:
                is_ours = True
            # Outside the `try`: errors within the caller's block pass through.
            found = self._store.fetch(str(path), LARGEST_REQUEST) if is_ours else None
            yield None if found is None else self._read(path, request_id, found)

    def _lock_of(self, request_id: str) -> str:
        """Return the name of the lock of an id.

        A lock in a database leaves nothing behind, so each id has its own there. Among files two ids may
        share one: the second of them then waits for the next look.
        """
        digest = blake2b(request_id.encode("utf-8", "surrogateescape"), digest_size=8).digest()
        if self._locks.reach_other_machines:
            return f"inbox.{digest.hex()}"
        return f"inbox.{int.from_bytes(digest, 'big') % _LOCK_GROUPS}"

    def _read(self, path: PurePosixPath, request_id: str, found: Fetched) -> Waiting:
        if not is_plain_id(request_id):
            return Waiting(request_id, b"", no_plain_id(), mark=found.mark)
        if found.refusal is not None:
            is_second = self._earlier(request_id) is not None
            return Waiting(request_id, b"", found.refusal, mark=found.mark, is_second=is_second)
        kept = self._kept(name_of_kept(request_id, found.raw))
        if kept is None:
            is_settling = path.parent.as_posix() == _UNSETTLED
            earlier = None if is_settling else self._earlier(request_id)
            if earlier is not None and earlier != found.raw:
                return Waiting(request_id, found.raw, duplicate(request_id), mark=found.mark, is_second=True)
            if is_settling or earlier is not None:
                # It was stored when the folder was the inbox of one machine.
                kept = self._kept(request_id + ENDING)
        return Waiting(request_id, found.raw, mark=found.mark, kept=kept)

    def _kept(self, name: str) -> bytes | None:
        found = self._store.fetch(f"{_ANSWERS}/{name}")
        return None if found is None or found.refusal is not None else found.raw

    def _earlier(self, request_id: str) -> bytes | None:
        """Return the bytes of the request that was answered under this id before."""
        for folder in (_DONE, _FAILED, _UNSETTLED):
            found = self._store.fetch(f"{folder}/{request_id}{ENDING}", LARGEST_REQUEST)
            if found is not None and found.refusal is None:
                return found.raw
        return None

    def earlier_answer(self, waiting: Waiting) -> bytes | None:
        """Return the answer that the same request was given before, or None."""
        return waiting.kept

    def answer(
        self, path: PurePosixPath, waiting: Waiting, document: bytes, status: str, *, keep: bool
    ) -> None:
        """Write an answer to the outbox in one step, and move its request to its final folder.

        `keep` also stores the answer for a repetition of the request.
        """
        name = path.name if is_plain_id(waiting.request_id) else name_of_last_resort(path)
        is_unread = waiting.refusal is not None and not waiting.is_duplicate
        # Without its bytes an answer cannot be found again; the request is simply refused again.
        if keep and not is_unread:
            self._store.write(f"{_ANSWERS}/{name_of_kept(waiting.request_id, waiting.raw)}", document)
        folder = {"ok": _DONE, "unknown": _UNSETTLED}.get(status, _FAILED)
        is_in_place = str(path) == f"{folder}/{name}"
        name_of_answer = self._name_of_answer(name, waiting)
        if not is_unread and not is_in_place:
            self._copy(waiting, folder, name)
        self._store.write(f"{_OUTBOX}/{name_of_answer}", document)
        if is_in_place:
            return
        now = self._store.fetch(str(path), LARGEST_REQUEST)
        if now is None or now.mark != waiting.mark or (not is_unread and now.raw != waiting.raw):
            # Its sender has removed it, or replaced it by another request, which is for the next look.
            return
        if is_unread:
            self._store.move(str(path), self._free_place(folder, name, waiting.mark.encode()))
        else:
            self._store.delete(str(path))

    def _name_of_answer(self, name: str, waiting: Waiting) -> str:
        """Return the name in the outbox: that of the id, unless another's answer is there or is to come."""
        if not waiting.is_second:
            return name
        is_taken = any(
            self._store.fetch(f"{folder}/{name}", 0) is not None for folder in (_OUTBOX, _UNSETTLED)
        )
        return name_beside(name, waiting.raw) if is_taken else name

    def _copy(self, waiting: Waiting, folder: str, name: str) -> None:
        # The plain name stays that of the first request under an id, which later ones are compared with.
        place = f"{folder}/{name}"
        there = None if waiting.is_duplicate else self._store.fetch(place, LARGEST_REQUEST)
        if there is not None and there.refusal is None and there.raw == waiting.raw:
            return
        if waiting.is_duplicate or there is not None:
            place = f"{folder}/{name_beside(name, waiting.raw)}"
        self._store.write(place, waiting.raw)

    def _free_place(self, folder: str, name: str, told_by: bytes) -> str:
        is_taken = self._store.fetch(f"{folder}/{name}", 0) is not None
        return f"{folder}/{name_beside(name, told_by) if is_taken else name}"
