"""Searches the requests and answers of an installation for one customer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.inbox.stores import Store
from a4s_pipeline.privacy.documents import REMOVED, concerns, without_person
from a4s_pipeline.warehouse.rows.privacy.forgetting import StoredPerson

_WAITING = ("inbox", "inbox/.unsettled")
_REQUESTS = ("inbox/done", "inbox/failed")
_ANSWERS = ("inbox/.answers", "outbox")
_DIGEST = re.compile(r"\.[0-9a-f]{8}(?:[0-9a-f]{16})?$")


@dataclass(frozen=True)
class Blanked:
    """A file with data of the person, and its replacement."""

    path: str
    content: bytes


def waiting_for(store: Store, person: StoredPerson) -> list[str]:
    """Return the requests about the customer that are unanswered or have an unknown outcome."""
    return [path for path, raw in _files(store, _WAITING) if _is_about(_document(raw), raw, person)]


def blanked_files(store: Store, person: StoredPerson) -> Iterator[Blanked]:
    """Return every request and answer with data of the person, and its content without them."""
    about = set()
    for path, raw in _files(store, _REQUESTS):
        document = _document(raw)
        if _is_about(document, raw, person):
            about.add(_id_of(path))
            yield from _changed(path, raw, document, person, is_theirs=False)
    for path, raw in _files(store, _ANSWERS):
        # An answer need not name the customer that its request named.
        yield from _changed(path, raw, _document(raw), person, is_theirs=_id_of(path) in about)


def _changed(
    path: str, raw: bytes, document: Any, person: StoredPerson, *, is_theirs: bool
) -> Iterator[Blanked]:
    if document is None:
        if any(mark.encode() in raw for mark in person.marks):
            yield Blanked(path, exact_json.dumps(REMOVED).encode() + b"\n")
        return
    blanked = without_person(document, person.customer_code, person.marks, is_theirs=is_theirs)
    if blanked != document:
        yield Blanked(path, exact_json.dumps(blanked).encode("utf-8", "replace") + b"\n")


def _is_about(document: Any, raw: bytes, person: StoredPerson) -> bool:
    return concerns(document, person.customer_code) or any(mark.encode() in raw for mark in person.marks)


def _files(store: Store, folders: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    for folder in folders:
        for name in sorted(store.names(folder)):
            fetched = store.fetch(f"{folder}/{name}")
            if fetched is not None and fetched.refusal is None:
                yield f"{folder}/{name}", fetched.raw


def _document(raw: bytes) -> Any:
    try:
        return exact_json.loads(raw)
    except ValueError:
        return None


def _id_of(path: str) -> str:
    stem = path.rpartition("/")[2].removesuffix(".json")
    # Kept answers, and requests with a reused id, have a digest after the id.
    return _DIGEST.sub("", stem)
