"""Forgets one customer: the store, the copy, requests and answers, and the log of failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from a4s_pipeline.errors import NotThere, TryAgain
from a4s_pipeline.files.whole_files import write_whole
from a4s_pipeline.ondemand.inbox.inboxes import store_of_requests
from a4s_pipeline.ondemand.inbox.stores import Store
from a4s_pipeline.platform import Platform
from a4s_pipeline.privacy.documents import REMOVED
from a4s_pipeline.privacy.exchanged_files import Blanked, blanked_files, waiting_for
from a4s_pipeline.warehouse.rows.privacy.forgetting import StoredPerson, count_rows, find_person, forget_rows


class StillOpen(TryAgain):
    """Something is still being sent for the customer: their data is still needed."""

    code = "StillOpen"


@dataclass(frozen=True)
class Forgotten:
    """What was, or would be, removed or blanked: rows by table, files by folder, and lines of logs."""

    connector: str
    customer_code: str
    rows: dict[str, int]
    files: dict[str, int]
    log_lines: int

    @property
    def is_anything(self) -> bool:
        """Tell whether anything of the customer was found."""
        return bool(self.rows or self.files or self.log_lines)


def find_customer(platform: Platform, connector: str, customer_code: str) -> Forgotten:
    """Count what is stored of a customer, and change nothing."""
    person, rows = _found(platform, connector, customer_code)
    files = Counter(_folder_of(one) for one in blanked_files(store_of_requests(platform), person))
    lines = sum(len(lines_to_blank(log, person)) for log in _logs(platform))
    return Forgotten(connector, customer_code, rows, dict(files), lines)


def forget_customer(
    platform: Platform, connector: str, customer_code: str, *, asked_by: str, run_id: str
) -> Forgotten:
    """Remove a customer's personal data for good; codes, dates and amounts stay.

    Raises `StillOpen` while something for the customer is being sent, and `NotThere` if nothing is stored of
    them. It can be repeated at any time, and continues where it was interrupted.
    """
    person, rows = _found(platform, connector, customer_code)
    requests = store_of_requests(platform)
    _refuse_while_open(requests, person)
    # The rows last: if this is interrupted, they are needed to find the person in files again.
    files = Counter[str]()
    for one in blanked_files(requests, person):
        requests.write(one.path, one.content)
        files[_folder_of(one)] += 1
    lines = sum(_blank_lines(log, person) for log in _logs(platform))
    if not (rows or files or lines or person.was_forgotten):
        raise NotThere(
            f"nothing is stored of customer {customer_code!r} of {connector!r}: check the code, "
            "capitals and leading zeros included",
            code="UnknownCustomer",
        )
    forget_rows(
        platform.warehouse,
        person,
        {**rows, **files, **({"failures.log": lines} if lines else {})},
        asked_by=asked_by,
        at=datetime.now(UTC),
        run_id=run_id,
    )
    platform.warehouse.rewrite()
    platform.publish()
    return Forgotten(connector, customer_code, rows, dict(files), lines)


def _found(platform: Platform, connector: str, customer_code: str) -> tuple[StoredPerson, dict[str, int]]:
    with platform.warehouse.session() as connection:
        person = find_person(connection, connector, customer_code)
        return person, count_rows(connection, person)


def _refuse_while_open(requests: Store, person: StoredPerson) -> None:
    if person.open_exports:
        named = ", ".join(person.open_exports)
        raise StillOpen(
            f"customer {person.customer_code!r} has exports whose outcome is not known ({named}): "
            "`a4s retry ID` resolves each; then forget the customer"
        )
    if waiting := waiting_for(requests, person):
        raise StillOpen(
            f"{len(waiting)} requests about customer {person.customer_code!r} are not answered yet "
            f"({waiting[0]}, …): let them be answered or take them out, then forget the customer"
        )


def _folder_of(one: Blanked) -> str:
    return one.path.rpartition("/")[0]


def _logs(platform: Platform) -> Iterator[Path]:
    for name in ("failures.log", "failures.log.1"):
        path = platform.settings.data_dir / name
        if path.is_file():
            yield path


def lines_to_blank(log: Path, person: StoredPerson) -> Sequence[int]:
    """Return which lines of a log, counted from 0, contain a text that identifies the person."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [number for number, line in enumerate(lines) if any(mark in line for mark in person.marks)]


def _blank_lines(log: Path, person: StoredPerson) -> int:
    numbers = set(lines_to_blank(log, person))
    if numbers:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        kept = [REMOVED if number in numbers else line for number, line in enumerate(lines)]
        write_whole(log, ("\n".join(kept) + "\n").encode())
    return len(numbers)
