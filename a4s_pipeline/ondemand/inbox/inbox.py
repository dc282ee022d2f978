"""The inbox and the outbox: whole files come in, a lock claims each, and whole answers go out."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path, PurePath

from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.files import exact_json
from a4s_pipeline.files.whole_files import (
    clear_abandoned,
    make_folder,
    sync,
    sync_what_others_wrote,
    write_whole,
)
from a4s_pipeline.ondemand.requests.parsing import LARGEST_REQUEST

ENDING = ".json"
_LONGEST_NAME = 200
# Permanent errors on opening a file. After any other, such as too many open files, the request is retried.
_NOT_OURS_TO_READ = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP})


@dataclass(frozen=True)
class Waiting:
    """A request that this process has claimed: its bytes, or why they cannot be read."""

    request_id: str
    raw: bytes
    refusal: ChangeRequest | None = None
    file: os.stat_result | None = None
    """The file that was read; None if it could not be opened."""
    mark: str | None = None
    """Its version, in stores without open files (`remote_inbox`)."""
    kept: bytes | None = None
    """Its earlier answer, if that was looked up already (`remote_inbox`)."""
    is_second: bool = False
    """Whether another request came under this id before, whose answer may not have been collected yet."""

    @property
    def is_duplicate(self) -> bool:
        """Tell whether another request was answered under this id before."""
        return self.refusal is not None and self.refusal.code == "DuplicateRequest"

    def is_at(self, path: Path) -> bool:
        """Tell whether the file that was read is the one that is there."""
        try:
            return self.file is None or os.path.samestat(os.lstat(path), self.file)
        except FileNotFoundError:
            return False


def is_plain_id(request_id: str) -> bool:
    """Tell whether a request id is a plain file name, on every system that may read the outbox."""
    return (
        0 < len(request_id.encode("utf-8", "replace")) <= _LONGEST_NAME
        and request_id.isprintable()
        and not request_id.startswith(".")
        and not set(request_id) & set('/\\:*?"<>|')
        and request_id == request_id.strip()
    )


def is_looked_at(name: str) -> bool:
    """Tell whether a name in the inbox is that of a request: not hidden, not half written, and JSON."""
    return name.endswith(ENDING) and not name.startswith(".") and not name.endswith(".tmp")


def no_plain_id() -> ChangeRequest:
    """Refuse a request with an id that is not a plain file name."""
    return ChangeRequest("the request id is not a plain file name", code="Invalid")


def too_large() -> ChangeRequest:
    """Refuse a request unread."""
    return ChangeRequest(f"the request is larger than {LARGEST_REQUEST >> 20} MiB", code="TooLarge")


def duplicate(request_id: str) -> ChangeRequest:
    """Refuse a request with an id that another request had before."""
    return ChangeRequest(
        f"a request {request_id!r} with other content was answered before: give this one an id of its own, "
        "which begins with the name of its sender where there are several",
        code="DuplicateRequest",
    )


def name_beside(name: str, told_by: bytes) -> str:
    """Return the alternative to `name`, the same for the same content.

    After a kill, or for the same request again, it overwrites itself.
    """
    return f"{name.removesuffix(ENDING)}.{blake2b(told_by, digest_size=4).hexdigest()}{ENDING}"


def name_of_kept(request_id: str, raw: bytes) -> str:
    """Return the name under which the answer to a request is kept."""
    # As long as the longest file name allows, including the temporary name's additions.
    return f"{request_id}.{blake2b(raw, digest_size=12).hexdigest()}{ENDING}"


class Inbox:
    """The folders of requests and answers on one machine, below `A4S_DATA_DIR` unless told otherwise.

    A kill may come between any two steps, in this order: the answer is stored under the id and a digest of
    the request; the request gets a second name in its final folder; its answer is written to the outbox; the
    request loses its first name. So once an answer can be seen, its id cannot be used for anything else.
    """

    # A request in quick succession waits no longer than this.
    look_every = 0.02
    where = "the inbox"

    def __init__(self, data_dir: Path) -> None:
        self._inbox = data_dir / "inbox"
        self._outbox = data_dir / "outbox"
        self._done = self._inbox / "done"
        self._failed = self._inbox / "failed"
        self._unsettled = self._inbox / ".unsettled"
        self._answers = self._inbox / ".answers"

    def prepare(self) -> None:
        """Make the folders, and clear away what killed processes had half written."""
        folders = (self._inbox, self._outbox, self._done, self._failed, self._unsettled, self._answers)
        for folder in folders:
            make_folder(folder)
            if folder != self._inbox:
                # Half-written files in the inbox belong to their senders.
                clear_abandoned(folder)

    def waiting(self) -> list[Path]:
        """Return the requests that wait, by their names."""
        return requests_in(self._inbox)

    def unsettled(self) -> list[Path]:
        """Return the requests with an unknown outcome."""
        return requests_in(self._unsettled)

    @contextmanager
    def claimed(self, path: Path) -> Iterator[Waiting | None]:
        """Claim a request within the block; None if another process has it, or it is gone.

        The claim is a lock on the file itself: if the process dies, the request is free again.
        """
        request_id = path.name.removesuffix(ENDING)
        try:
            handle = opened_request(path)
        except FileNotFoundError:
            handle = None
        if handle is None or isinstance(handle, ChangeRequest):
            # Outside the `try`: errors within the caller's block pass through.
            is_second = self._earlier(request_id) is not None
            yield None if handle is None else Waiting(request_id, b"", handle, is_second=is_second)
            return
        try:
            yield self._read(path, handle, request_id) if _is_ours(path, handle) else None
        finally:
            os.close(handle)

    def _read(self, path: Path, handle: int, request_id: str) -> Waiting:
        if not is_plain_id(request_id):
            return Waiting(request_id, b"", no_plain_id())
        found = os.fstat(handle)
        earlier = None if path.parent == self._unsettled else self._earlier(request_id)
        if found.st_size > LARGEST_REQUEST:
            return Waiting(request_id, b"", too_large(), is_second=earlier is not None)
        with os.fdopen(os.dup(handle), "rb") as file:
            raw = file.read(LARGEST_REQUEST + 1)
        if earlier is None or earlier == raw:
            return Waiting(request_id, raw, file=found)
        return Waiting(request_id, raw, duplicate(request_id), found, is_second=True)

    def _earlier(self, request_id: str) -> bytes | None:
        """Return the bytes of the request that was answered under this id before."""
        for folder in (self._done, self._failed, self._unsettled):
            path = folder / (request_id + ENDING)
            try:
                if stat.S_ISREG(os.lstat(path).st_mode) and path.stat().st_size <= LARGEST_REQUEST:
                    return path.read_bytes()
            except FileNotFoundError:
                continue
        return None

    def earlier_answer(self, waiting: Waiting) -> bytes | None:
        """Return the answer that the same request was given before, or None."""
        if waiting.refusal is not None:
            return None
        names = [name_of_kept(waiting.request_id, waiting.raw)]
        if self._earlier(waiting.request_id) == waiting.raw:
            # Older answers were stored under the id only.
            names.append(waiting.request_id + ENDING)
        for name in names:
            with suppress(FileNotFoundError):
                return (self._answers / name).read_bytes()
        return None

    def answer(self, path: Path, waiting: Waiting, document: bytes, status: str, *, keep: bool) -> None:
        """Write an answer to the outbox in one step, and move its request to its final folder.

        `keep` also stores the answer for a repetition of the request.
        """
        name = path.name if is_plain_id(waiting.request_id) else name_of_last_resort(path)
        # Before its sender can see an answer: afterwards another request may replace it at any time.
        sync_what_others_wrote(path)
        is_read = waiting.refusal is None or waiting.is_duplicate
        if keep and is_read and not waiting.is_second:
            # If a power cut loses this name, the same request is answered again; syncing it costs
            # milliseconds.
            kept = self._answers / name_of_kept(waiting.request_id, waiting.raw)
            write_whole(kept, document, is_name_synced=False)
        folder = {"ok": self._done, "unknown": self._unsettled}.get(status, self._failed)
        name_of_answer = self._name_of_answer(name, waiting)
        if not is_read:
            write_whole(self._outbox / name_of_answer, document)
            _move(path, folder, name)
            return
        place = _place_of(waiting, folder, name)
        with ExitStack() as claims:
            if path != place:
                claims.enter_context(_put_too(path, waiting, place))
            write_whole(self._outbox / name_of_answer, document)
            # Otherwise its sender has replaced it by another request, which is for the next look.
            if path != place and waiting.is_at(path):
                path.unlink(missing_ok=True)

    def _name_of_answer(self, name: str, waiting: Waiting) -> str:
        """Return the name in the outbox: that of the id, unless another's answer is there or is to come."""
        is_taken = os.path.lexists(self._outbox / name) or os.path.lexists(self._unsettled / name)
        return name_beside(name, waiting.raw) if waiting.is_second and is_taken else name


def requests_in(folder: Path) -> list[Path]:
    """Return the requests in a folder, by name: the same order in each run of a simulation."""
    try:
        with os.scandir(folder) as entries:
            return [folder / name for name in sorted(entry.name for entry in entries) if is_looked_at(name)]
    except FileNotFoundError:
        return []


def opened_request(path: Path) -> int | ChangeRequest:
    """Open a request without following links or blocking, or say why it can never be opened."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return ChangeRequest("the request is not a regular file", code="NotAFile")
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in _NOT_OURS_TO_READ:
            raise
        return ChangeRequest(f"the request cannot be opened ({error.strerror})", code="Unreadable")


def _is_ours(path: Path, handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The previous owner of the lock may have answered and moved the file since we opened it.
        return os.path.samestat(os.lstat(path), os.fstat(handle))
    except (BlockingIOError, FileNotFoundError):
        return False


def _place_of(waiting: Waiting, folder: Path, name: str) -> Path:
    """Return where to keep a request: the first one under an id gets the plain name."""
    place = folder / name
    if waiting.is_duplicate or (os.path.lexists(place) and not _holds(place, waiting.raw)):
        place = folder / name_beside(name, waiting.raw)
    return place


def _holds(path: Path, raw: bytes) -> bool:
    found = path.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_size == len(raw) and path.read_bytes() == raw


@contextmanager
def _put_too(path: Path, waiting: Waiting, place: Path) -> Iterator[None]:
    """Give a request its final name as well as its old one, claimed within the block.

    A second name shares the claim of the first. If it is not possible (another user's file, or a replaced
    request), a copy gets its own claim: otherwise another worker would look up the outcome while this one
    still reports it as unknown.
    """
    temporary = place.with_name(f".{place.name}.{os.getpid()}.{threading.get_native_id()}.tmp")
    handle = None
    try:
        if not _is_linked(path, waiting, temporary):
            temporary.unlink(missing_ok=True)
            handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            fcntl.flock(handle, fcntl.LOCK_EX)
            with os.fdopen(os.dup(handle), "wb") as file:
                file.write(waiting.raw)
            sync(temporary)
        temporary.replace(place)
        yield
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if handle is not None:
            os.close(handle)


def _is_linked(path: Path, waiting: Waiting, name: Path) -> bool:
    """Give the file that was read a second name; tell whether that was possible."""
    try:
        os.link(path, name, follow_symlinks=False)
    except OSError:
        return False
    return waiting.is_at(name)


def _move(path: Path, folder: Path, name: str) -> None:
    """Move an unread request out of the way; its sender may have removed it."""
    target = folder / name
    if os.path.lexists(target):
        target = folder / f"{name.removesuffix(ENDING)}.{os.urandom(4).hex()}{ENDING}"
    with suppress(FileNotFoundError):
        path.replace(target)


def name_of_last_resort(path: PurePath) -> str:
    """Return an answer's name for a request with a name that is not valid on every system."""
    return "refused-" + blake2b(os.fsencode(path.name), digest_size=8).hexdigest() + ENDING


def as_bytes(document: dict[str, object]) -> bytes:
    """Write an answer as the bytes of its file."""
    return exact_json.dumps(document).encode("utf-8", "replace") + b"\n"
