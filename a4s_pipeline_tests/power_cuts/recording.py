"""What a program does to the files below a folder, call by call, as strace sees it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

_TRACED = (
    "open,openat,creat,close,dup,dup2,dup3,fcntl,lseek,write,pwrite64,writev,sendto,sendfile,copy_file_range,"
    "ftruncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,"
    "rmdir,clone,clone3,fork,vfork"
)
_LONGEST = 1 << 26
_LINE = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True, eq=False)
class Write:
    """Bytes written to a file; None marks a truncation or extension."""

    file: int
    at: int
    content: bytes | None


@dataclass(frozen=True, eq=False)
class Copy(Write):
    """Bytes that the system copies from another file's current content."""

    source: int = 0
    source_at: int = 0
    length: int = 0


@dataclass(frozen=True)
class Name:
    """A change of names: `new` for a file, which may have had `old`; None means no name."""

    old: str | None
    new: str | None
    file: int | None = None

    def folders(self) -> set[str]:
        """The folders that it changes."""
        return {name.rpartition("/")[0] for name in (self.old, self.new) if name is not None}


@dataclass(frozen=True)
class Sync:
    """The disk now holds a file's content, or a folder's names."""

    file: int | None = None
    folder: str | None = None


@dataclass(frozen=True)
class Sent:
    """What is sent to the gateway, and so cannot be lost."""

    body: bytes


Call = Write | Name | Sync | Sent


class NoStrace(Exception):
    """strace may not trace processes here."""


def record(program: str, folder: Path, working_directory: Path, *arguments: str) -> list[Call]:
    """Run a program on a folder, and return what it did there; raises NoStrace if tracing is not allowed."""
    if shutil.which("strace") is None:
        raise NoStrace("strace is not installed")
    log = folder.parent / "strace.log"
    command = ["strace", "-f", "--seccomp-bpf", "-xx", "-s", str(_LONGEST), "-o", str(log), "-e"]
    command += [f"trace={_TRACED}", sys.executable, "-c", program, str(folder), *arguments]
    before = files_below(folder)
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=working_directory)
    if not log.exists() or not log.stat().st_size:
        raise NoStrace(done.stderr)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    lines = list(_whole_calls(log))
    log.unlink()
    return list(_Processes(folder, before).calls(lines))


def files_below(folder: Path) -> dict[str, bytes]:
    """Read the files below a folder, sorted by name."""
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return {name: (folder / name).read_bytes() for name in found}


def _whole_calls(log: Path) -> Iterator[tuple[int, str, str, int]]:
    """Each successful call: process, name, arguments and result."""
    begun: dict[str, str] = {}
    with log.open(encoding="ascii") as lines:
        for line in lines:
            process, _, call = line.rstrip("\n").partition(" ")
            call = call.lstrip()
            if call.endswith(" <unfinished ...>"):
                begun[process] = call.removesuffix(" <unfinished ...>")
                continue
            if resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", call):
                call = begun.pop(process, "") + resumed[1]
            if (found := _LINE.match(call)) and int(found[3]) >= 0:
                yield int(process), found[1], found[2], int(found[3])


def _texts(given: str) -> list[bytes]:
    return [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(given)]


def _number(given: str, position: int) -> int:
    return int(_TEXT.sub('""', given).split(", ")[position], 0)


@dataclass
class _Open:
    file: int | None
    folder: str | None
    at: int = 0
    is_appending: bool = False


class _Processes:
    """The processes of a run and their open files."""

    def __init__(self, folder: Path, before: Mapping[str, bytes]) -> None:
        self._folder = str(folder)
        # Files are numbered: first those that were there, by their names.
        self._names = {name: number for number, name in enumerate(sorted(before))}
        self._sizes = {self._names[name]: len(content) for name, content in before.items()}
        self._new = count(len(before))
        self._leader: dict[int, int] = {}
        self._open: dict[tuple[int, int], _Open] = {}
        self._posting: set[tuple[int, int]] = set()

    def calls(self, lines: list[tuple[int, str, str, int]]) -> Iterator[Call]:
        # A thread may be at work before the call that began it has returned.
        for process, name, given, gave in lines:
            if name in ("clone", "clone3") and "CLONE_THREAD" in given:
                self._leader[gave] = process
        for process, name, given, gave in lines:
            yield from self._call(self._leader_of(process), name, given, gave)

    def _leader_of(self, process: int) -> int:
        while process in self._leader:
            process = self._leader[process]
        return process

    def _here(self, path: bytes) -> str | None:
        text = path.decode()
        if text == self._folder:
            return ""
        return text.removeprefix(f"{self._folder}/") if text.startswith(f"{self._folder}/") else None

    def _call(self, process: int, name: str, given: str, gave: int) -> Iterator[Call]:
        match name:
            case "close" | "dup" | "dup2" | "dup3" | "fcntl" | "lseek":
                self._follow(process, name, given, gave)
            case "open" | "openat" | "creat":
                yield from self._opened(process, given, gave)
            case "sendto" if content := _texts(given):
                yield from self._sent((process, _number(given, 0)), content[0])
            case "sendto" | "clone" | "clone3" | "fork" | "vfork":
                pass
            case "sendfile" | "copy_file_range":
                yield from self._copied(process, name, given, gave)
            case "fsync" | "fdatasync":
                if known := self._open.get((process, _number(given, 0))):
                    yield Sync(known.file, known.folder)
            case "write" | "pwrite64" | "writev" | "ftruncate" | "fallocate":
                known = self._open.get((process, _number(given, 0)))
                if known is not None and known.file is not None:
                    yield from self._written(known, known.file, name, given, gave)
            case _:
                yield from self._named(name, [self._here(text) for text in _texts(given)], given)

    def _follow(self, process: int, name: str, given: str, gave: int) -> None:
        match name:
            case "close":
                self._open.pop((process, _number(given, 0)), None)
            case "dup" | "dup2" | "dup3" | "fcntl":
                known = self._open.get((process, _number(given, 0)))
                if known is not None and (name != "fcntl" or "F_DUPFD" in given):
                    self._open[process, gave] = known
            case "lseek":
                if known := self._open.get((process, _number(given, 0))):
                    known.at = gave

    def _sent(self, connection: tuple[int, int], content: bytes) -> Iterator[Call]:
        head, _, body = content.partition(b"\r\n\r\n")
        if content.startswith(b"POST "):
            self._posting.add(connection)
        else:
            body = head
        if body and connection in self._posting:
            self._posting.discard(connection)
            yield Sent(body)

    def _opened(self, process: int, given: str, gave: int) -> Iterator[Call]:
        path = self._here(_texts(given)[0])
        if path is None:
            return
        if path not in self._names:
            if "O_CREAT" not in given:
                self._open[process, gave] = _Open(None, path)
                return
            file = self._names[path] = next(self._new)
            yield Name(None, path, file)
        file = self._names[path]
        if "O_TRUNC" in given and self._length(file):
            yield self._cut(file, 0)
        self._open[process, gave] = _Open(file, None, 0, "O_APPEND" in given)

    def _length(self, file: int) -> int:
        return self._sizes.get(file, 0)

    def _cut(self, file: int, size: int) -> Write:
        self._sizes[file] = size
        return Write(file, size, None)

    def _written(self, known: _Open, file: int, name: str, given: str, gave: int) -> Iterator[Call]:
        if name == "ftruncate":
            yield self._cut(file, _number(given, 1))
            return
        if name == "fallocate":
            end = _number(given, 2) + _number(given, 3)
            if end > self._length(file):
                yield self._cut(file, end)
            return
        content = b"".join(_texts(given))[:gave]
        assert len(content) == gave, f"strace cut {name} short"
        if name == "pwrite64":
            at = _number(given, 3)
        else:
            at = self._length(file) if known.is_appending else known.at
            known.at = at + gave
        self._sizes[file] = max(self._length(file), at + gave)
        yield Write(file, at, content)

    def _copied(self, process: int, name: str, given: str, gave: int) -> Iterator[Call]:
        source, target = (0, 2) if name == "copy_file_range" else (1, 0)
        known = self._open.get((process, _number(given, target)))
        original = self._open.get((process, _number(given, source)))
        if known is None or known.file is None or original is None or original.file is None or not gave:
            return
        told = given.split(", ")[2 if name == "sendfile" else 1]
        place = re.match(r"\[(\d+)", told)
        yield Copy(known.file, known.at, None, original.file, int(place[1]) if place else original.at, gave)
        known.at += gave
        if place is None:
            original.at += gave
        self._sizes[known.file] = max(self._length(known.file), known.at)

    def _named(self, name: str, paths: list[str | None], given: str) -> Iterator[Call]:
        old = paths[0]
        if name.startswith("mkdir") or name == "rmdir" or "AT_REMOVEDIR" in given:
            if old is not None and name.startswith("mkdir"):
                yield Name(None, f"{old}/")
            return
        if old is None:
            return
        if name.startswith("unlink"):
            self._names.pop(old)
            yield Name(old, None)
            return
        new = paths[1]
        if new is None:
            return
        file = self._names[old]
        if name.startswith("rename"):
            del self._names[old]
        self._names[new] = file
        yield Name(old if name.startswith("rename") else None, new, file)
