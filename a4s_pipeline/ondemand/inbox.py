"""The inbox and the outbox: files come in whole, are claimed by a lock, and answers go out whole."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from a4s_pipeline import exact_json
from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.ondemand.requests import LARGEST_REQUEST

_ENDING = ".json"
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Waiting:
    """A request that this process has claimed: its bytes, or why they cannot be had."""

    request_id: str
    raw: bytes
    refusal: ChangeRequest | None = None


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
    return name.endswith(_ENDING) and not name.startswith(".") and not name.endswith(".tmp")


class Inbox:
    """The folders of requests and answers below `A4S_DATA_DIR`."""

    def __init__(self, data_dir: Path) -> None:
        self._inbox = data_dir / "inbox"
        self._outbox = data_dir / "outbox"
        self._done = self._inbox / "done"
        self._failed = self._inbox / "failed"
        self._unsettled = self._inbox / ".unsettled"
        self._answers = self._inbox / ".answers"

    def prepare(self) -> None:
        """Make the folders."""
        for folder in (self._inbox, self._outbox, self._done, self._failed, self._unsettled, self._answers):
            folder.mkdir(parents=True, exist_ok=True)

    def waiting(self) -> list[Path]:
        """Return the requests that wait, in no order."""
        return _requests_in(self._inbox)

    def unsettled(self) -> list[Path]:
        """Return the requests whose outcome is not known yet."""
        return _requests_in(self._unsettled)

    @contextmanager
    def claimed(self, path: Path) -> Iterator[Waiting | None]:
        """Claim a request for as long as the block lasts; None where somebody else has it, or it is gone.

        The claim is a lock on the file itself: it dies with its process, and the request is still there.
        """
        request_id = path.name.removesuffix(_ENDING)
        try:
            if not stat.S_ISREG(os.lstat(path).st_mode):
                yield Waiting(
                    request_id, b"", ChangeRequest("the request is no regular file", code="NotAFile")
                )
                return
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            why = error.strerror or type(error).__name__
            yield Waiting(
                request_id, b"", ChangeRequest(f"the request cannot be opened ({why})", code="Unreadable")
            )
            return
        try:
            yield self._read(path, handle, request_id) if _is_ours(path, handle) else None
        finally:
            os.close(handle)

    def _read(self, path: Path, handle: int, request_id: str) -> Waiting:
        if not is_plain_id(request_id):
            return Waiting(
                request_id, b"", ChangeRequest("the request id is no plain file name", code="Invalid")
            )
        if os.fstat(handle).st_size > LARGEST_REQUEST:
            limit = f"{LARGEST_REQUEST >> 20} MiB"
            return Waiting(
                request_id, b"", ChangeRequest(f"the request is larger than {limit}", code="TooLarge")
            )
        with os.fdopen(os.dup(handle), "rb") as file:
            raw = file.read(LARGEST_REQUEST + 1)
        if (
            path.parent != self._unsettled
            and (earlier := self._earlier(request_id)) is not None
            and earlier != raw
        ):
            return Waiting(
                request_id,
                raw,
                ChangeRequest(
                    f"a request {request_id!r} with other content was answered before: "
                    "give this one an id of its own",
                    code="DuplicateRequest",
                ),
            )
        return Waiting(request_id, raw)

    def _earlier(self, request_id: str) -> bytes | None:
        """Return the bytes of the request that was answered under this id before."""
        for folder in (self._done, self._failed, self._unsettled):
            path = folder / (request_id + _ENDING)
            try:
                if stat.S_ISREG(os.lstat(path).st_mode) and path.stat().st_size <= LARGEST_REQUEST:
                    return path.read_bytes()
            except FileNotFoundError:
                continue
        return None

    def earlier_answer(self, waiting: Waiting) -> bytes | None:
        """Return the answer that the same request was given before, or None."""
        if waiting.refusal is not None or self._earlier(waiting.request_id) != waiting.raw:
            return None
        try:
            return (self._answers / (waiting.request_id + _ENDING)).read_bytes()
        except FileNotFoundError:
            return None

    def answer(self, path: Path, document: bytes, status: str, *, keep: bool) -> None:
        """Put an answer into the outbox, whole and at once, and move its request to where it belongs.

        `keep` also keeps the answer for the same request coming again.
        """
        name = path.name if is_plain_id(path.name.removesuffix(_ENDING)) else _name_of_last_resort(path)
        if keep:
            _write_whole(self._answers / name, document)
        _write_whole(self._outbox / name, document)
        folders = {"ok": self._done, "unknown": self._unsettled}
        _move(path, folders.get(status, self._failed), name)


def _requests_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [folder / entry.name for entry in entries if _is_request(entry)]
    except FileNotFoundError:
        return []


def _is_request(entry: os.DirEntry[str]) -> bool:
    return is_looked_at(entry.name)


def _is_ours(path: Path, handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had the lock before may have answered and moved the file since we opened it.
        return os.path.samestat(os.lstat(path), os.fstat(handle))
    except (BlockingIOError, FileNotFoundError):
        return False


def _write_whole(target: Path, content: bytes) -> None:
    temporary = target.parent / f".{target.name}.{os.getpid()}.tmp"
    temporary.write_bytes(content)
    temporary.replace(target)


def _move(path: Path, folder: Path, name: str) -> None:
    target = folder / name
    if path == target:
        return
    if os.path.lexists(target) and not _is_same_file_content(path, target):
        # The first request under an id stays the one that later ones are compared with.
        target = (
            folder
            / f"{name.removesuffix(_ENDING)}.{blake2b(os.urandom(8), digest_size=4).hexdigest()}{_ENDING}"
        )
    path.replace(target)


def _is_same_file_content(path: Path, target: Path) -> bool:
    both_regular = all(stat.S_ISREG(os.lstat(one).st_mode) for one in (path, target))
    return both_regular and path.read_bytes() == target.read_bytes()


def _name_of_last_resort(path: Path) -> str:
    return "refused-" + blake2b(os.fsencode(path.name), digest_size=8).hexdigest() + _ENDING


def as_bytes(document: dict[str, object]) -> bytes:
    """Write an answer as the bytes of its file."""
    return exact_json.dumps(document).encode("utf-8", "replace") + b"\n"
