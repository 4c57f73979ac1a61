"""A gate before a web server: it lets requests through, turns some away, or is shut, and opens again where it was."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_REFUSAL = b"HTTP/1.1 503 Whatever\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy"


class Gate:
    """Use as a context manager: ``base`` is where it stands, ``behind`` the address of the server behind it.

    Requests whose head holds ``refused`` get 503 from the gate itself. After ``left`` more requests it shuts, where
    that is no None: connections break, and further ones are refused until :meth:`open`.
    """

    def __init__(self, behind: str) -> None:
        parts = urlsplit(behind)
        self._behind = (str(parts.hostname), int(parts.port or 80))
        self._port = 0
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self.refused = ""
        self.left: int | None = None
        self.passed = 0

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shut()

    def open(self) -> None:
        """Take connections, all requests for now."""
        self.refused, self.left = "", None
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        listener.listen(64)
        self._sockets.add(listener)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        """Break all connections and take no more."""
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        server = socket.create_connection(self._behind)
        with self._lock:
            self._sockets |= {client, server}
        threading.Thread(target=self._answers, args=(server, client), daemon=True).start()
        with suppress(OSError):
            while head := client.recv(1 << 16):
                if self.refused and self.refused in head.decode("latin-1"):
                    client.sendall(_REFUSAL)
                    break
                if self._full():
                    self.shut()
                    break
                server.sendall(head)
        self._end(client, server)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                client.sendall(data)
        self._end(client, server)

    def _full(self) -> bool:
        with self._lock:
            self.passed += 1
            if self.left is None:
                return False
            self.left -= 1
            return self.left < 0

    def _end(self, *pair: socket.socket) -> None:
        for each in pair:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
            with self._lock:
                self._sockets.discard(each)
