"""Fetches the items' pictures that are not stored yet, several at once, each whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from a4s_pipeline.errors import A4sError, ChangeSite, NotThere
from a4s_pipeline.files.whole_files import put_in_place
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.records.pictures import extension_of
from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline.sync.access import REFUSED, Access
from a4s_pipeline.sync.lock import stream_lock
from a4s_pipeline.sync.pictures.picture_names import stem_of, stored_stems

STREAM = "images"
# Pictures asked for at a time: memory stays the same for a catalogue of any size.
_AT_ONCE = 500


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


def fetch_pictures(
    administration: Administration,
    result: PicturesResult,
    wanted: Mapping[str, str],
    *,
    locks: Locks,
    folder: Path,
    connections: int,
    advance: Callable[[int, int], None],
) -> None:
    """Fetch the wanted pictures (hash to an item that names it) that are not in the folder.

    An error that stops every call (`ChangeSite`) is raised; a picture that cannot be fetched is in the
    result.
    """
    started = time.monotonic()
    with stream_lock(locks, result.connector, STREAM):
        _make_ready(folder, result.connector)
        stored = stored_stems(path.name for path in folder.iterdir())
        lacking = [image_hash for image_hash in wanted if stem_of(image_hash) not in stored]
        result.named = len(wanted)
        result.stored = len(wanted) - len(lacking)

        access = Access()
        if stored:
            access.note_allowed()

        stopped: list[ChangeSite] = []

        def fetch(image_hash: str) -> int | A4sError:
            if stopped:
                # After an error that stops every call, the waiting ones are not made.
                raise stopped[0]
            try:
                size = _fetch(administration, image_hash, folder, result.connector)
            except REFUSED as error:
                access.note_refused(error)
                return error
            except ChangeSite as error:
                stopped.append(error)
                raise
            except A4sError as error:
                return error
            access.note_allowed()
            return size

        pool = ThreadPoolExecutor(connections, thread_name_prefix="gateway")
        try:
            for first in range(0, len(lacking), _AT_ONCE):
                batch = lacking[first : first + _AT_ONCE]
                for image_hash, outcome in zip(batch, pool.map(fetch, batch), strict=True):
                    if isinstance(outcome, A4sError):
                        result.missed.append(Missed(image_hash, wanted[image_hash], outcome))
                    else:
                        result.fetched += 1
                        result.size += outcome
                    advance(1, len(lacking))
        finally:
            pool.shutdown(cancel_futures=True)
            result.calls, result.retries = administration.client.calls, administration.client.retries
            result.seconds = time.monotonic() - started
        refused = [missed.error for missed in result.missed if isinstance(missed.error, REFUSED)]
        if len(refused) == len(wanted) > 1:
            # All were refused: the site is at fault.
            raise refused[0]


def _make_ready(folder: Path, connector: str) -> None:
    """Make the folder, and delete files that a killed run left half written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for abandoned in folder.glob(f".{connector}.*.tmp"):
            abandoned.unlink(missing_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from None


def _fetch(administration: Administration, image_hash: str, folder: Path, connector: str) -> int:
    picture = administration.image(image_hash).value
    stem = stem_of(image_hash)
    aside = folder / f".{connector}.{stem}.tmp"
    try:
        aside.write_bytes(picture)
        put_in_place(aside, folder / f"{stem}.{extension_of(picture)}")
    except OSError as error:
        raise _unusable(folder, error) from None
    return len(picture)


def _unusable(folder: Path, error: OSError) -> ChangeSite:
    return ChangeSite(
        f"{folder} cannot be written ({error.strerror}): check the folder and the free disk space",
        code="StoreUnusable",
    )
