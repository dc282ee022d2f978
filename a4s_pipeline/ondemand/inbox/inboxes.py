"""Chooses the inbox of an installation, and defines what a worker needs from any inbox."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path, PurePath
from typing import Any, Protocol, TypeVar

from a4s_pipeline.ondemand.inbox.inbox import Inbox, Waiting
from a4s_pipeline.ondemand.inbox.remote_inbox import RemoteInbox
from a4s_pipeline.ondemand.inbox.stores import FolderStore, ObjectStore, Store
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.urls import is_url

# No driver for local folders: the operating system handles links and whole files better.
_FOLDER_SCHEMES = ("file://", "local://")

Location = TypeVar("Location", bound=PurePath)


class AnyInbox(Protocol[Location]):
    """What a worker needs from an inbox."""

    look_every: float
    """Seconds between two looks; less while requests keep coming."""
    where: str
    """Its name in messages."""

    def prepare(self) -> None:
        """Make the folders, and clear away what killed processes had half written."""

    def waiting(self) -> list[Location]:
        """Return the requests that wait, in no order."""

    def unsettled(self) -> list[Location]:
        """Return the requests with an unknown outcome, from its folder `.unsettled`."""

    def claimed(self, path: Location) -> AbstractContextManager[Waiting | None]:
        """Claim a request within the block; None if another process has it, or it is gone."""

    def earlier_answer(self, waiting: Waiting) -> bytes | None:
        """Return the answer that the same request was given before, or None."""

    def answer(self, path: Location, waiting: Waiting, document: bytes, status: str, *, keep: bool) -> None:
        """Write an answer to the outbox in one step, and move its request to its final folder."""


def inbox_of(platform: Platform) -> AnyInbox[Any]:
    """Return the inbox of an installation, at `A4S_REQUESTS`.

    In a folder of one machine, requests are claimed by locks on the files themselves. If the installation has
    locks that span machines, even a folder may be shared, over a network with unreliable file locks.
    """
    folder = folder_of_requests(platform)
    if folder is None:
        return RemoteInbox(store_of_requests(platform), platform.locks)
    if platform.locks.reach_other_machines:
        return RemoteInbox(FolderStore(folder), platform.locks)
    return Inbox(folder)


def folder_of_requests(platform: Platform) -> Path | None:
    """Return the folder of the inbox and the outbox; None if they are at a URL."""
    location = platform.settings.requests
    if location is not None and is_url(location):
        return None
    return (platform.settings.data_dir if location is None else Path(location)).absolute()


def store_of_requests(platform: Platform) -> Store:
    """Return the location of an installation's requests and answers as a store of files."""
    folder = folder_of_requests(platform)
    return _store_at(str(platform.settings.requests)) if folder is None else FolderStore(folder)


def _store_at(url: str) -> Store:
    for scheme in _FOLDER_SCHEMES:
        if url.startswith(scheme):
            return FolderStore(Path(url.removeprefix(scheme)))
    return ObjectStore(url)
