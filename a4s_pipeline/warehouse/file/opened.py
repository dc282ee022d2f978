"""The warehouse file while it is open: its connection, and the checkpoints that a kill cannot spoil."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Self

import duckdb

from a4s_pipeline.files.whole_files import sync
from a4s_pipeline.warehouse.file.undo import forget_undo, keep_for_undo, undo_what_was_cut_short

# Analysts' tools lag behind: a file made with the defaults of DuckDB 2 is closed to every 1.x client.
# No checkpoint but our own: each is to be undone if it is cut short.
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
        """Open a file that is there; undo first what was cut short in it. Raises as DuckDB does."""
        undo_what_was_cut_short(path)
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            connection = duckdb.connect(str(path), config=STORAGE)
        except BaseException:
            # Ctrl-C too: a handle that stays open is one more for as long as the process lives.
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
        """Bring what is in the write-ahead log into the file."""
        keep_for_undo(self.connection, self._handle, self._path)
        self.connection.execute("CHECKPOINT")
        self.is_log_named = False

    def replace_file(self, aside: Path) -> None:
        """Put the database at `aside` in this one's place; this connection is of no further use.

        The new file is open, and so locked, before it has its name, and until the old one is closed: the
        write-ahead log of a process that came in between would be taken for that of the old file.
        """
        self.is_reusable = False
        with duckdb.connect(str(aside), config=STORAGE):
            # DuckDB has synced what it wrote: to open and close it here would drop its lock.
            aside.replace(self._path)
            sync(self._path.parent)
            # It holds blocks of the old file.
            forget_undo(self._path)
            self.connection.close()

    def close(self, *, is_sound: bool = True) -> None:
        """Close the file, and bring the write-ahead log into it first, where nothing went wrong.

        What keeps it from that, such as a full disk, loses nothing: the log stays for the next time.
        """
        try:
            if is_sound and self.is_reusable and self.has_log():
                with suppress(duckdb.Error, OSError):
                    self.checkpoint()
        finally:
            self.connection.close()
            os.close(self._handle)

    def has_log(self) -> bool:
        """Tell whether something was committed that is not in the file itself."""
        try:
            return self._path.with_name(f"{self._path.name}.wal").stat().st_size > 0
        except OSError:
            return False


def _leave_checkpoints_to_us(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("PRAGMA disable_checkpoint_on_shutdown")
    with suppress(duckdb.CatalogException):
        # Only DuckDB 2 has it: a large commit would go past the log, straight into a checkpoint.
        connection.execute("SET auto_checkpoint_skip_wal_threshold = 1000000000000000")
