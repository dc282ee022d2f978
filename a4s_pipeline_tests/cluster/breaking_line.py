"""A connection to a server that tests can break, as networks do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class BreakingLine:
    """Passes bytes between clients and a server; chosen words from a client end its connection."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._lock = threading.Lock()
        self._left_to_break, self._words = 0, b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def break_at(self, words: bytes, count: int) -> None:
        """Make these words end their connection, this many times."""
        with self._lock:
            self._left_to_break, self._words = count, words

    @property
    def left_to_break(self) -> int:
        with self._lock:
            return self._left_to_break

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
                for ends in ((client, server, self._breaks), (server, client, lambda _: False)):
                    threading.Thread(target=_pass_on, args=ends, daemon=True).start()

    def _breaks(self, said: bytes) -> bool:
        with self._lock:
            is_to_break = self._left_to_break > 0 and self._words in said
            self._left_to_break -= is_to_break
            return is_to_break


def _pass_on(source: socket.socket, target: socket.socket, breaks: Callable[[bytes], bool]) -> None:
    with suppress(OSError):
        while (said := source.recv(1 << 16)) and not breaks(said):
            target.sendall(said)
    for end in (source, target):
        with suppress(OSError):
            # It wakes the thread of the other direction, which a close alone does not.
            end.shutdown(socket.SHUT_RDWR)
        end.close()
