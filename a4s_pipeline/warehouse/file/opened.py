"""The open warehouse file: its connection, and checkpoints that survive a kill."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Self

import duckdb

from a4s_pipeline.files.whole_files import sync
from a4s_pipeline.warehouse.file.undo import forget_undo, keep_for_undo, undo_what_was_cut_short

# Analysts' tools lag behind: no 1.x client can read a file made with the defaults of DuckDB 2. Only our own
# checkpoints: each can be undone if it is cut short.
STORAGE: dict[str, str | bool | int | float | list[str]] = {
    "storage_compatibility_version": "v1.4.0",
    "wal_autocheckpoint": "1TB",
}


class OpenedFile:
    """A file that is open in this process; `connection` is for one thread at a time."""

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection, handle: int) -> None:
        self._path = path
        self._handle = handle
        self.connection = connection
        self.is_reusable = True
        """Whether another thread may go on with this connection; not once the file was replaced."""
        self.is_log_named = False
        """Whether the name of the write-ahead log is on the disk; each checkpoint takes the log away."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an existing file, after undoing a checkpoint that was cut short. Raises DuckDB's errors."""
        undo_what_was_cut_short(path)
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            connection = duckdb.connect(str(path), config=STORAGE)
        except BaseException:
            # Ctrl-C too: otherwise the handle stays open as long as the process.
            os.close(handle)
            raise
        opened = cls(path, connection, handle)
        try:
            connection.execute("SET TimeZone = 'UTC'")
            _leave_checkpoints_to_us(connection)
        except BaseException:
            # Ctrl-C too: the file would stay locked for all others.
            opened.close(is_sound=False)
            raise
        return opened

    def checkpoint(self) -> None:
        """Write the write-ahead log into the file."""
        keep_for_undo(self.connection, self._handle, self._path)
        self.connection.execute("CHECKPOINT")
        self.is_log_named = False

    def replace_file(self, replacement: Path) -> None:
        """Replace this database by the one at `replacement`; this connection cannot be used afterwards.

        The new file is open, and so locked, before it gets its name and until the old one is closed:
        otherwise the write-ahead log of a process in between would be read as that of the old file.
        """
        self.is_reusable = False
        with duckdb.connect(str(replacement), config=STORAGE):
            # DuckDB has synced what it wrote: to open and close it here would drop its lock.
            replacement.replace(self._path)
            sync(self._path.parent)
            # It contains blocks of the old file.
            forget_undo(self._path)
            self.connection.close()

    def close(self, *, is_sound: bool = True) -> None:
        """Close the file, after writing the write-ahead log into it if nothing went wrong.

        If that fails, as on a full disk, nothing is lost: the log stays for the next time.
        """
        try:
            if is_sound and self.is_reusable and self.has_log():
                with suppress(duckdb.Error, OSError):
                    self.checkpoint()
        finally:
            self.connection.close()
            os.close(self._handle)

    def has_log(self) -> bool:
        """Tell whether committed data is not yet in the file itself."""
        try:
            return self._path.with_name(f"{self._path.name}.wal").stat().st_size > 0
        except OSError:
            return False


def _leave_checkpoints_to_us(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("PRAGMA disable_checkpoint_on_shutdown")
    with suppress(duckdb.CatalogException):
        # Only DuckDB 2 has it: a large commit would go past the log, straight into a checkpoint.
        connection.execute("SET auto_checkpoint_skip_wal_threshold = 1000000000000000")
