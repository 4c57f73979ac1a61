"""A real HTTP server on loopback that misbehaves as told, each path in its own way, and remembers who asked for it."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from m4corpus.crawl.client import Client
from m4corpus.crawl.config import CrawlConfig, PolitenessConfig, QueriesConfig
from m4corpus.crawl.messages import Request, Response

#: What a path does with a connection: bytes are sent as they are. The connection is closed afterwards.
Behaviour = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class Seen:
    """A request as it came; ``at`` by the monotonic clock."""

    path: str
    headers: dict[str, str]
    at: float


@dataclass
class Hostile:
    """Use as a context manager. ``on`` gives a path its behaviours, one a request; the last is repeated."""

    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _paths: dict[str, list[Behaviour]] = field(default_factory=dict)
    _served: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def on(self, path: str, *behaviours: Behaviour) -> str:
        """Address of ``path``, which now behaves so."""
        self._paths[path] = list(behaviours)
        return self.url(path)

    def url(self, path: str) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}{path}"

    def count(self, path: str) -> int:
        """Requests for ``path`` so far."""
        return sum(seen.path == path for seen in self.seen)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(10), "the server did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.cancel)
        self._thread.join(10)

    def _run(self, ready: threading.Event) -> None:
        self._loop.run_until_complete(self._main(ready))
        self._loop.close()

    async def _main(self, ready: threading.Event) -> None:
        self._stop = self._loop.create_future()
        server = await asyncio.start_server(self._serve, self.host, self.port, ssl=self.tls)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        try:
            await self._stop
        except asyncio.CancelledError:
            server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            path = head[0].split(" ")[1]
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            self.seen.append(Seen(path, headers, time.monotonic()))
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            try:
                await self._behave(path, writer)
            finally:
                self._at_once -= 1
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has had enough
        finally:
            writer.close()

    async def _behave(self, path: str, writer: asyncio.StreamWriter) -> None:
        behaviours = self._paths.get(path) or [answer(status=404)]
        behaviour = behaviours[min(self._served[path], len(behaviours) - 1)]
        self._served[path] += 1
        if isinstance(behaviour, bytes):
            writer.write(behaviour)
            await writer.drain()
        else:
            await behaviour(writer)


def answer(body: str | bytes = "<p>ok</p>", status: int = 200, type: str = "text/html", **headers: str) -> bytes:
    """A sound response; ``Retry_After="1"`` becomes ``Retry-After: 1``."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"Content-Type: {type}"] if type else []
    lines += [f"Content-Length: {len(data)}", "Connection: close"]
    return "\r\n".join([f"HTTP/1.1 {status} Whatever", *lines, "", ""]).encode() + data


def redirect(location: str, status: int = 302) -> bytes:
    return answer("", status, Location=location)


def bomb(megabytes: int) -> bytes:
    """A small gzip body that decodes to so much."""
    return answer(gzip.compress(bytes(megabytes << 20)), Content_Encoding="gzip")


def after(seconds: float, then: bytes) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        writer.write(then)

    return behave


def dribble(head: bytes, drop: bytes) -> Behaviour:
    """Send ``head``, then a ``drop`` every so often, for ever: slow-loris."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.02)

    return behave


async def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, as a crashed server's kernel does."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def endless(writer: asyncio.StreamWriter) -> None:
    """A body without a length that never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        await writer.drain()


#: More promised than sent.
CUT_SHORT = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n<p>half"
CUT_CHUNK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n<p>half \r\n20\r\nof"
NOT_HTTP = b"SSH-2.0-OpenSSH_9.6\r\n\r\n"
NOTHING = b""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


def hasty(allow: tuple[str, ...] = ("127.0.0.1/32",), **politeness: Any) -> CrawlConfig:
    """A crawl without manners, so that tests are quick; ``politeness`` brings back what is tested."""
    limits: dict[str, Any] = {
        "concurrency": 8, "per_second": 1000, "total_per_second": 1000, "connect_timeout": 2, "read_timeout": 1,
        "total_timeout": 2, "attempts": 2, "backoff": 0.02, "max_wait": 3, "max_bytes": 1_000_000,
    }  # fmt: skip
    return CrawlConfig(
        contact="crawl@example.org",
        allow_private=list(allow),
        politeness=PolitenessConfig(**(limits | politeness)),
        queries=[QueriesConfig(name="unused", path="unused.csv")],
    )


def fetch(config: CrawlConfig, request: str | Request, *args: Any, **options: Any) -> Response:
    """One answer from a client of its own."""

    async def main() -> Response:
        async with Client(config, options.pop("events", None)) as client:
            return await client.get(Request("page", request) if isinstance(request, str) else request, *args, **options)

    return asyncio.run(main())
