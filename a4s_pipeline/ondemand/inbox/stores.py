"""Locations of requests and answers beyond one machine: a shared folder or an object store."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from a4s_pipeline.errors import A4sError, ChangeRequest, ChangeSettings, TryAgain
from a4s_pipeline.files.whole_files import clear_abandoned, make_folder, write_whole
from a4s_pipeline.ondemand.inbox.inbox import is_looked_at, opened_request, requests_in, too_large

# These store each object whole or not at all, and a folder is only part of a name.
_PUT_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oci", "oss", "memory"})
_DRIVERS = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
# The version of a file, under each driver's name for it.
_VERSION = (
    *("ETag", "etag", "generation", "VersionId", "version_id", "LastModified", "last_modified"),
    *("updated", "mtime", "modified", "created", "ino", "size"),
)
# A signature, a token or a password that a driver quotes in its message.
_SECRETS = re.compile(r"\?\S+|(?<=//)[^/\s]*@")
_LONGEST_REASON = 200


class InboxUnreachable(TryAgain):
    """The store with the inbox cannot do what was asked now."""

    code = "InboxUnreachable"


@dataclass(frozen=True)
class Fetched:
    """A request as it was found: its bytes, or why they cannot be read."""

    mark: str
    """Identifies this version, as opposed to a replacement."""
    raw: bytes = b""
    refusal: ChangeRequest | None = None


class Store(Protocol):
    """What an inbox needs from its location; each path is relative, with slashes."""

    where: str

    def prepare(self, folders: Sequence[str]) -> None:
        """Make the folders, and delete half-written files, except in the first, which belongs to senders."""

    def names(self, folder: str) -> list[str]:
        """Return the names of the requests in a folder, as they are now."""

    def fetch(self, path: str, most: int | None = None) -> Fetched | None:
        """Return the current content, unread if it has more than `most` bytes; None if there is none."""

    def write(self, path: str, content: bytes) -> None:
        """Write or replace something in one step."""

    def move(self, path: str, target: str) -> None:
        """Move something unread."""

    def delete(self, path: str) -> None:
        """Delete something, unless it is gone."""


class FolderStore:
    """A folder of the operating system, such as one that several machines have mounted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.where = str(folder)

    def prepare(self, folders: Sequence[str]) -> None:
        """Make the folders, and delete half-written files, except in the first, which belongs to senders."""
        for folder in folders:
            make_folder(self._folder / folder)
            if folder != folders[0]:
                clear_abandoned(self._folder / folder)

    def names(self, folder: str) -> list[str]:
        """Return the names of the requests in a folder, as they are now."""
        return [path.name for path in requests_in(self._folder / folder)]

    def fetch(self, path: str, most: int | None = None) -> Fetched | None:
        """Return the current content, unread if it has more than `most` bytes; None if there is none."""
        try:
            handle = opened_request(self._folder / path)
            if isinstance(handle, ChangeRequest):
                return Fetched(_mark_of(os.lstat(self._folder / path)), refusal=handle)
        except FileNotFoundError:
            return None
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            if most is not None and found.st_size > most:
                return Fetched(_mark_of(found), refusal=too_large())
            return Fetched(_mark_of(found), file.read(-1 if most is None else most + 1))

    def write(self, path: str, content: bytes) -> None:
        """Write or replace something in one step."""
        write_whole(self._folder / path, content)

    def move(self, path: str, target: str) -> None:
        """Move something unread."""
        (self._folder / path).replace(self._folder / target)

    def delete(self, path: str) -> None:
        """Delete something, unless it is gone."""
        (self._folder / path).unlink(missing_ok=True)


def _mark_of(found: os.stat_result) -> str:
    return f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"


class ObjectStore:
    """Any store with an fsspec driver, by its URL; every error there raises `InboxUnreachable`."""

    def __init__(self, url: str) -> None:
        self.where = url.rstrip("/")
        self._scheme = url.partition("://")[0]

    @cached_property
    def _reached(self) -> tuple[Any, str]:
        """The driver, and its form of the prefix's path."""
        # Imported only for such a store.
        from fsspec.core import url_to_fs  # type: ignore[import-untyped] # noqa: PLC0415

        try:
            driver, path = url_to_fs(self.where)
        except ValueError:
            raise ChangeSettings(f"A4S_REQUESTS: fsspec has no driver for {self._scheme}://") from None
        except ImportError as error:
            package = _DRIVERS.get(self._scheme)
            todo = f"pip install {package}" if package else str(error)
            raise ChangeSettings(
                f"A4S_REQUESTS: {self._scheme}:// needs a driver that is not installed: {todo}"
            ) from None
        # Another process may have just written or moved something, and some drivers cannot turn off their
        # cache.
        cache: Any = getattr(driver, "dircache", None)
        if hasattr(cache, "use_listings_cache"):
            cache.use_listings_cache = False
        return driver, path.rstrip("/")

    @contextmanager
    def _asked(self) -> Iterator[tuple[Any, str]]:
        """Ask the store something; its cache of listings is emptied before."""
        try:
            driver, root = self._reached
            driver.invalidate_cache()
            yield driver, root
        except A4sError:
            raise
        except Exception as error:
            # Each driver has its own errors, and not all are OSErrors.
            reason = _SECRETS.sub("…", str(error).strip().partition("\n")[0])[:_LONGEST_REASON]
            raise InboxUnreachable(
                f"{self.where} cannot be used now ({type(error).__name__}: {reason}): see that A4S_REQUESTS "
                "is right, and that the store can be reached and written with the credentials of this machine"
            ) from None

    def prepare(self, folders: Sequence[str]) -> None:
        """Make the folders, if the store has any."""
        with self._asked() as (driver, root):
            if self._scheme not in _PUT_WHOLE:
                for folder in folders:
                    driver.makedirs(f"{root}/{folder}", exist_ok=True)

    def names(self, folder: str) -> list[str]:
        """Return the names of the requests in a folder, as they are now."""
        with self._asked() as (driver, root):
            try:
                entries = driver.ls(f"{root}/{folder}", detail=True)
            except FileNotFoundError:
                return []
            found = [(entry["name"].rpartition("/")[2], entry["type"]) for entry in entries]
            # A longer name would be a folder in an object store, not a request.
            return [name for name, kind in found if kind == "file" and is_looked_at(name)]

    def fetch(self, path: str, most: int | None = None) -> Fetched | None:
        """Return the current content, unread if it has more than `most` bytes; None if there is none."""
        with self._asked() as (driver, root):
            try:
                info = driver.info(f"{root}/{path}")
                if info["type"] != "file":
                    return None
                mark = "-".join(str(info.get(name, "")) for name in _VERSION)
                if most is not None and (info["size"] or 0) > most:
                    return Fetched(mark, refusal=too_large())
                return Fetched(mark, driver.cat_file(f"{root}/{path}"))
            except FileNotFoundError:
                return None

    def write(self, path: str, content: bytes) -> None:
        """Write or replace something in one step."""
        with self._asked() as (driver, root):
            if self._scheme in _PUT_WHOLE:
                driver.pipe_file(f"{root}/{path}", content)
                return
            # Always the same name, so that kills leave at most one such file: only the claim's owner writes
            # there.
            folder, _, name = path.rpartition("/")
            aside = f"{root}/{folder}/.{name}.tmp"
            driver.pipe_file(aside, content)
            driver.mv(aside, f"{root}/{path}")

    def move(self, path: str, target: str) -> None:
        """Move something unread."""
        with self._asked() as (driver, root):
            # Not `mv`: it treats a `*` in a name as a pattern.
            driver.cp_file(f"{root}/{path}", f"{root}/{target}")
            driver.rm_file(f"{root}/{path}")

    def delete(self, path: str) -> None:
        """Delete something, unless it is gone."""
        with self._asked() as (driver, root):
            try:
                driver.rm_file(f"{root}/{path}")
            except FileNotFoundError:
                return
