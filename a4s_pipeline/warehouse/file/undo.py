"""Saves the blocks that a checkpoint overwrites, so that one that was cut short can be undone.

DuckDB writes data into free blocks, and last a header that names them. But it overwrites its catalog blocks
in place, 256 KiB at a time. A process killed within such a write leaves a block with a checksum of neither
the old nor the new content, and no DuckDB opens the file again: a night of kills found one. So before each
checkpoint those blocks are saved beside the file, with their headers. As long as the file has the same
headers, the checkpoint did not finish: the blocks are put back, and the write-ahead log, which still exists,
supplies the rest.
"""

from __future__ import annotations

import fcntl
import os
import struct
from hashlib import blake2b
from pathlib import Path

import duckdb

from a4s_pipeline.files.whole_files import sync_handle, write_whole

# A file begins with three headers of 4 KiB; the second and the third take turns at naming the blocks.
_HEADER = 4096
_TURNS = 2 * _HEADER
_FIRST_BLOCK = 3 * _HEADER
_NUMBERS = struct.Struct("<QQ")


def keep_for_undo(connection: duckdb.DuckDBPyConnection, handle: int, path: Path) -> None:
    """Save the blocks that a checkpoint may overwrite, and the headers.

    `handle` has been open for reading since before the connection: closing another one would drop DuckDB's
    lock on the file. Raises OSError if there is no room.
    """
    size = int(connection.execute("SELECT block_size FROM pragma_database_size()").fetchall()[0][0])
    blocks = connection.execute("SELECT block_id FROM pragma_metadata_info()").fetchall()
    content = bytearray(os.pread(handle, _TURNS, _HEADER))
    for (block,) in blocks:
        offset = _FIRST_BLOCK + int(block) * size
        saved = os.pread(handle, size, offset)
        content += _NUMBERS.pack(offset, len(saved)) + saved
    content += blake2b(content, digest_size=32).digest()
    write_whole(_beside(path), bytes(content))


def undo_what_was_cut_short(path: Path) -> bool:
    """Put back the blocks of an unfinished checkpoint; return whether there was one.

    A file that another process has open is left alone.
    """
    try:
        with _beside(path).open("rb") as kept, path.open("r+b") as file:
            headers = kept.read(_TURNS)
            if os.pread(file.fileno(), _TURNS, _HEADER) != headers:
                return False
            # The lock is of the kind that DuckDB takes; closing the file lets it go.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            content = headers + kept.read()
            is_cut_short = os.pread(file.fileno(), _TURNS, _HEADER) == headers and _is_whole(content)
            return is_cut_short and _put_back(file.fileno(), content[_TURNS:-32])
    except OSError:
        return False


def forget_undo(path: Path) -> None:
    """Delete the saved blocks of a file, which contain its old data."""
    _beside(path).unlink(missing_ok=True)


def _put_back(handle: int, blocks: bytes) -> bool:
    at = 0
    is_changed = False
    while at < len(blocks):
        offset, length = _NUMBERS.unpack_from(blocks, at)
        at += _NUMBERS.size
        saved = blocks[at : at + length]
        at += length
        if os.pread(handle, length, offset) != saved:
            os.pwrite(handle, saved, offset)
            is_changed = True
    if is_changed:
        sync_handle(handle)
    return is_changed


def _is_whole(content: bytes) -> bool:
    return blake2b(content[:-32], digest_size=32).digest() == content[-32:]


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.undo")
