"""A folder of exported files in an object store, or anywhere else that fsspec reaches."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from a4s_pipeline.errors import ChangeRequest, ChangeSite

MANIFEST = "a4s-export.json"
T = TypeVar("T")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_CREDENTIALS = re.compile(r"(?<=://)[^/@]*@")


def is_url(target: Path | str) -> bool:
    """Tell whether a target is a URL; otherwise it is a folder."""
    return isinstance(target, str) and _URL.match(target) is not None


@dataclass(frozen=True)
class Bucket:
    """A folder in a store: `shown` is its URL without credentials."""

    store: Any
    path: str
    shown: str

    @classmethod
    def at(cls, url: str) -> Bucket:
        """Open a folder by its URL; raises `ChangeSite` if no installed package can."""
        shown = _CREDENTIALS.sub("", url)
        try:
            # Other exports do not need fsspec.
            from fsspec.core import url_to_fs  # type: ignore[import-untyped] # noqa: PLC0415

            store, path = url_to_fs(url.rstrip("/"))
        except (ImportError, ValueError) as error:
            raise ChangeSite(
                f"{shown} cannot be reached ({_first_line(error)}): install what fsspec needs for it, "
                "such as s3fs"
            ) from None
        except Exception as error:
            # Each store's driver has its own errors, even on opening.
            raise _not_written(shown, error) from None
        return cls(store, path, shown)

    def check_replaceable(self) -> None:
        """Raise `ChangeRequest` if there are files that no export wrote."""
        before = self._told(self._files)
        if before and f"{self.path}/{MANIFEST}" not in before:
            raise ChangeRequest(
                f"{self.shown} holds files that no export wrote: name an empty folder, or a new one",
                code="Invalid",
            )

    def put(self, folder: Path) -> None:
        """Replace an earlier export's files by these."""
        self._told(lambda: self._put(folder))

    def _told(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except Exception as error:
            # Each store's driver has its own errors, and not all are OSErrors.
            raise _not_written(self.shown, error) from None

    def _put(self, folder: Path) -> None:
        before = set(self._files())
        manifest = f"{self.path}/{MANIFEST}"
        whole = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        self.store.makedirs(self.path, exist_ok=True)
        self.store.pipe_file(manifest, json.dumps({**whole, "isWhole": False}, indent=2).encode())
        there = {manifest}
        for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST):
            name = f"{self.path}/{file.relative_to(folder).as_posix()}"
            self.store.makedirs(name.rpartition("/")[0], exist_ok=True)
            self.store.put_file(str(file), name)
            there.add(name)
        for left in sorted(before - there):
            self.store.rm_file(left)
        self.store.pipe_file(manifest, (folder / MANIFEST).read_bytes())

    def _files(self) -> list[str]:
        self.store.invalidate_cache()
        try:
            return list(self.store.find(self.path))
        except FileNotFoundError:
            return []


def _not_written(shown: str, error: Exception) -> ChangeSite:
    return ChangeSite(
        f"{shown} cannot be written ({type(error).__name__}): see that its credentials and the network are "
        "right, and try again; until then isWhole is false in its manifest"
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
