"""Fetches the items' pictures that are not stored yet, several at once, each whole or not at all."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from a4s_pipeline.errors import A4sError, ChangeSite, NotThere
from a4s_pipeline.files.whole_files import put_in_place
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.records.pictures import extension_of
from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline.sync.access import REFUSED, Access
from a4s_pipeline.sync.result import Advance
from a4s_pipeline.sync.stream_run import stream_lock

STREAM = "images"
# Pictures asked for at a time: memory stays the same for a catalogue of any size.
_AT_ONCE = 500
# No hash leads to a path outside the folder.
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True)
class Missed:
    """A picture that could not be fetched: its hash, an item that names it, and why."""

    image_hash: str
    item_code: str
    error: A4sError

    @property
    def is_unknown(self) -> bool:
        """Whether the gateway does not know the picture."""
        return isinstance(self.error, NotThere)


@dataclass
class PicturesResult:
    """The result of fetching pictures; `size` is that of the fetched ones, in bytes."""

    connector: str
    named: int = 0
    stored: int = 0
    fetched: int = 0
    size: int = 0
    missed: list[Missed] = field(default_factory=list)
    unknown_items: list[str] = field(default_factory=list)
    calls: int = 0
    retries: int = 0
    seconds: float = 0.0

    @property
    def unknown(self) -> list[str]:
        """The hashes that the gateway does not know."""
        return [missed.image_hash for missed in self.missed if missed.is_unknown]

    @property
    def is_whole(self) -> bool:
        """Whether every wanted picture is stored now."""
        return not self.missed

    def as_json(self) -> dict[str, Any]:
        """Return the counts under the names of the command line."""
        return {
            "named": self.named,
            "held": self.stored,
            "fetched": self.fetched,
            "bytes": self.size,
            "unknown": self.unknown,
            "failed": [missed.image_hash for missed in self.missed if not missed.is_unknown],
            "unknownItems": self.unknown_items,
            "calls": self.calls,
            "retries": self.retries,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class PictureRules:
    """The settings that decide where pictures are stored, and how many are asked for at once."""

    folder: Path
    connections: int
    locks: Locks


def fetch_pictures(
    administration: Administration,
    result: PicturesResult,
    wanted: Mapping[str, str],
    rules: PictureRules,
    *,
    advance: Advance,
) -> None:
    """Fetch the wanted pictures (hash to an item that names it) that are not in the folder.

    An error that stops every call (`ChangeSite`) is raised; a picture that cannot be fetched is in the
    result.
    """
    started = time.monotonic()
    with stream_lock(rules.locks, result.connector, STREAM):
        _make_ready(rules.folder, result.connector)
        stored = stored_stems(path.name for path in rules.folder.iterdir())
        lacking = [image_hash for image_hash in wanted if stem_of(image_hash) not in stored]
        result.named = len(wanted)
        result.stored = len(wanted) - len(lacking)
        calls = _PictureCalls(administration, rules.folder, result.connector)
        if stored:
            calls.access.note_allowed()
        pool = ThreadPoolExecutor(rules.connections, thread_name_prefix="gateway")
        try:
            for first in range(0, len(lacking), _AT_ONCE):
                batch = lacking[first : first + _AT_ONCE]
                for image_hash, outcome in zip(batch, pool.map(calls.fetch, batch), strict=True):
                    if isinstance(outcome, A4sError):
                        result.missed.append(Missed(image_hash, wanted[image_hash], outcome))
                    else:
                        result.fetched += 1
                        result.size += outcome
                    advance(1, len(lacking))
        finally:
            pool.shutdown(cancel_futures=True)
            counts = administration.client.counts
            result.calls, result.retries = counts.calls, counts.retries
            result.seconds = time.monotonic() - started
        refused = [missed.error for missed in result.missed if isinstance(missed.error, REFUSED)]
        if len(refused) == len(wanted) > 1:
            # All were refused: the site is at fault.
            raise refused[0]


class _PictureCalls:
    """Fetches one picture at a time, in several threads, until an error stops every call."""

    def __init__(self, administration: Administration, folder: Path, connector: str) -> None:
        self._administration = administration
        self._folder = folder
        self._connector = connector
        self._stopped: ChangeSite | None = None
        self.access = Access()

    def fetch(self, image_hash: str) -> int | A4sError:
        """Store a picture and return its size, or the error that concerns it alone."""
        if self._stopped is not None:
            # After an error that stops every call, the waiting ones are not made.
            raise self._stopped
        try:
            size = self._store(image_hash)
        except REFUSED as error:
            self.access.note_refused(error)
            return error
        except ChangeSite as error:
            self._stopped = error
            raise
        except A4sError as error:
            return error
        self.access.note_allowed()
        return size

    def _store(self, image_hash: str) -> int:
        picture = self._administration.image(image_hash).value
        stem = stem_of(image_hash)
        aside = self._folder / f".{self._connector}.{stem}.tmp"
        try:
            aside.write_bytes(picture)
            put_in_place(aside, self._folder / f"{stem}.{extension_of(picture)}")
        except OSError as error:
            raise _unusable(self._folder, error) from None
        return len(picture)


def _make_ready(folder: Path, connector: str) -> None:
    """Make the folder, and delete files that a killed run left half written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for abandoned in folder.glob(f".{connector}.*.tmp"):
            abandoned.unlink(missing_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from None


def _unusable(folder: Path, error: OSError) -> ChangeSite:
    return ChangeSite(
        f"{folder} cannot be written ({error.strerror}): check the folder and the free disk space",
        code="StoreUnusable",
    )


def stem_of(image_hash: str) -> str:
    """Return the name of a picture's file without its extension.

    A hash that is a plain name is the name. Any other is stored under a hash of itself with a dot, so it
    cannot equal a plain one.
    """
    if _PLAIN.fullmatch(image_hash):
        return image_hash
    return f"sha256.{sha256(image_hash.encode('utf-8', 'surrogatepass')).hexdigest()}"


def stored_stems(file_names: Iterable[str]) -> set[str]:
    """Return the stems of the pictures in a folder, without files still being written."""
    return {name.rpartition(".")[0] for name in file_names if not name.startswith(".")}
