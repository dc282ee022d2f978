"""The states in which a power cut can leave a folder, derived from a program's calls.

What was synced is on the disk. Names survive in the order in which they were given, as on a file system with
a journal: up to some point, which is no earlier than the last sync of any folder. A file written from front
to back survives up to some sector. Each write elsewhere in a file may survive, be lost, or survive in part.
`is_rare` marks a state that only a file system without order between a file's length and its content allows:
the file has grown, and holds zeros.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from a4s_pipeline_tests.power_cuts.recording import Call, Copy, Name, Sent, Sync, Write

_SECTOR = 512
_ALL_OF = 3
"""So many writes to a file are tried in all their subsets."""
_HALF = 0.5


@dataclass(frozen=True)
class State:
    """A state after a power cut: files by name, what the gateway received, and how it came about."""

    parts: Mapping[str, tuple[bytes, tuple[Write, ...]]]
    """By the name of each file what it held at first, and the writes that came to it."""
    folders: frozenset[str]
    sent: tuple[bytes, ...]
    why: str
    is_rare: bool = False

    def files(self) -> dict[str, bytes]:
        """Return the content of each file."""
        found = {}
        for name, (before, writes) in self.parts.items():
            content = bytearray(before)
            for write in writes:
                _apply(content, write)
            found[name] = bytes(content)
        return found

    def put(self, folder: Path) -> None:
        """Write it into a folder."""
        folder.mkdir(parents=True)
        for name in sorted(self.folders):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name, content in self.files().items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)

    @property
    def key(self) -> object:
        """What distinguishes it from states that came about differently."""
        parts = frozenset((name, id(before), writes) for name, (before, writes) in self.parts.items())
        return parts, self.folders, self.sent


def states(before: Mapping[str, bytes], calls: Sequence[Call], chances: random.Random) -> Iterator[State]:
    """Yield each state once; for each instant, those with the fewest losses come first."""
    calls = _with_copies(before, calls)
    seen: set[object] = set()
    # Between two syncs nothing is added that is not among what is pending right before the second.
    moments = [number for number, call in enumerate(calls) if isinstance(call, Sync | Sent)]
    for moment in [*moments, len(calls)]:
        for state in _Cut(before, calls[:moment]).states(chances):
            if state.key not in seen:
                seen.add(state.key)
                yield state


def _with_copies(before: Mapping[str, bytes], calls: Sequence[Call]) -> list[Call]:
    """Replace bytes that the system copied between files by their content."""
    held = {
        number: bytearray(content) for number, content in enumerate(before[name] for name in sorted(before))
    }
    plain: list[Call] = []
    for call in calls:
        written: Call = call
        if isinstance(call, Copy):
            content = bytes(held[call.source][call.source_at : call.source_at + call.length])
            written = Write(call.file, call.at, content)
        if isinstance(written, Write):
            _apply(held.setdefault(written.file, bytearray()), written)
        plain.append(written)
    return plain


def _apply(content: bytearray, write: Write) -> None:
    if write.content is None:
        del content[write.at :]
    missing = write.at - len(content)
    if missing > 0:
        content.extend(bytes(missing))
    if write.content is not None:
        content[write.at : write.at + len(write.content)] = write.content


class _Cut:
    """A cut after this many calls."""

    def __init__(self, before: Mapping[str, bytes], calls: Sequence[Call]) -> None:
        self._before = before
        self._originals = {number: before[name] for number, name in enumerate(sorted(before))}
        self._moment = len(calls)
        self._synced: dict[int, list[Write]] = {}
        self._pending: dict[int, list[Write]] = {}
        self._names: list[Name] = []
        self._names_synced = 0
        self._sent = tuple(call.body for call in calls if isinstance(call, Sent))
        for call in calls:
            self._take(call)

    def _take(self, call: Call) -> None:
        match call:
            case Write():
                self._pending.setdefault(call.file, []).append(call)
            case Name():
                self._names.append(call)
            case Sync(file=int(file)):
                self._synced.setdefault(file, []).extend(self._pending.pop(file, []))
            case Sync(folder=str(folder)):
                touching = [at for at, name in enumerate(self._names, 1) if folder in name.folders()]
                self._names_synced = max([self._names_synced, *touching])

    def states(self, chances: random.Random) -> Iterator[State]:
        """Yield what can be left."""
        for names in range(len(self._names), self._names_synced - 1, -1):
            for loss in self._losses(chances):
                yield self._state(names, loss)

    def _losses(self, chances: random.Random) -> Iterator[_Loss]:
        everything: _Writes = self._pending
        yield _Loss("all writes", everything)
        nothing: _Writes = {file: [] for file in everything}
        yield _Loss("no write", nothing)
        for file, writes in everything.items():
            synced = self._synced.get(file, ())
            is_in_order = _is_in_order(self._originals.get(file, b""), synced, writes)
            for loss in (_prefixes if is_in_order else _subsets)(writes, chances):
                what = f"of file {file} {loss.what}"
                yield _Loss(what, {**everything, file: loss.kept}, loss.is_rare)
                if len(everything) > 1:
                    yield _Loss(f"{what} and of others nothing", {**nothing, file: loss.kept}, loss.is_rare)

    def _state(self, names: int, loss: _Loss) -> State:
        place: dict[str, int] = {name: number for number, name in enumerate(sorted(self._before))}
        folders = set()
        for given in self._names[:names]:
            if given.old is not None:
                place.pop(given.old, None)
            if given.new is not None and given.file is None:
                folders.add(given.new.rstrip("/"))
            elif given.new is not None and given.file is not None:
                place[given.new] = given.file
        parts = {
            name: (
                self._originals.get(file, b""),
                (*self._synced.get(file, ()), *loss.kept_of.get(file, ())),
            )
            for name, file in place.items()
        }
        why = f"after call {self._moment}, with {names} names, {loss.what}"
        return State(parts, frozenset(folders), self._sent, why, loss.is_rare)


_Writes = Mapping[int, Sequence[Write]]


@dataclass(frozen=True)
class _Loss:
    """What is left of the unsynced writes, by file."""

    what: str
    kept_of: _Writes
    is_rare: bool = False


@dataclass(frozen=True)
class _LossOfOne:
    """What is left of the unsynced writes to one file."""

    what: str
    kept: Sequence[Write]
    is_rare: bool = False


def _is_in_order(original: bytes, synced: Sequence[Write], writes: Sequence[Write]) -> bool:
    """Tell whether a file is only appended to, piece by piece."""
    content = bytearray(original)
    for write in synced:
        _apply(content, write)
    end = len(content)
    for write in writes:
        if write.content is None or write.at != end:
            return False
        end += len(write.content)
    return True


def _prefixes(writes: Sequence[Write], chances: random.Random) -> Iterator[_LossOfOne]:
    for number, write in enumerate(writes):
        if number:
            yield _LossOfOne(f"{number} of {len(writes)} writes", writes[:number])
        first, second = _torn(write, chances)
        if first is not None and second is not None:
            yield _LossOfOne(f"{number} of {len(writes)} writes and a part", [*writes[:number], first])
            yield _LossOfOne(f"write {number} from its middle", [*writes[:number], second], is_rare=True)
        if number < len(writes) - 1:
            rest = [*writes[:number], *writes[number + 1 :]]
            yield _LossOfOne(f"all but write {number}", rest, is_rare=True)
    zeros = [replace(write, content=bytes(len(write.content or b""))) for write in writes]
    yield _LossOfOne("its length alone", zeros, is_rare=True)


def _subsets(writes: Sequence[Write], chances: random.Random) -> Iterator[_LossOfOne]:
    count = len(writes)
    if count <= _ALL_OF:
        chosen = [
            [number for number in range(count) if bits >> number & 1] for bits in range(1, 2**count - 1)
        ]
    else:
        everything = list(range(count))
        chosen = [everything[:number] for number in range(1, count)]
        chosen += [everything[:number] + everything[number + 1 :] for number in range(count - 1)]
        chosen += [[number] for number in range(1, count)]
        chosen += [[number for number in everything if chances.random() < _HALF] for _ in range(count)]
    for kept in chosen:
        yield _LossOfOne(f"writes {kept} of {count}", [writes[number] for number in kept])
    for number, write in enumerate(writes):
        for part in _torn(write, chances):
            if part is not None:
                yield _LossOfOne(f"{number} of {count} writes and a part", [*writes[:number], part])


def _torn(write: Write, chances: random.Random) -> tuple[Write | None, Write | None]:
    """Split a write between two sectors, if it spans two."""
    sectors = (len(write.content or b"") - 1) // _SECTOR
    if write.content is None or sectors < 1:
        return None, None
    middle = chances.randint(1, sectors) * _SECTOR
    first = replace(write, content=write.content[:middle])
    return first, replace(write, at=write.at + middle, content=write.content[middle:])
