"""A web server on loopback that serves pages from a dictionary and remembers what it was asked."""

from __future__ import annotations

import gzip
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Answer:
    """A response; ``body`` is sent as it is."""

    body: bytes = b""
    status: int = 200
    type: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


#: What a path (with its query) answers: markup, an answer, or what makes one of the path.
Served = str | Answer | Callable[[str], str | Answer]


def page(*hrefs: str, head: str = "", text: str = "Kites fly over the hill.") -> str:
    """An HTML page with a link to each of ``hrefs``."""
    links = "".join(f'<li><a href="{href}">to</a>' for href in hrefs)
    return f"<!doctype html><html lang=en><head><title>t</title>{head}</head><body><p>{text}</p><ul>{links}</ul></body>"


def redirect(to: str, status: int = 301) -> Answer:
    return Answer(status=status, headers=(("Location", to),))


def text(body: str) -> Answer:
    return Answer(body.encode(), type="text/plain")


def xml(body: str, *, zipped: bool = False) -> Answer:
    """An XML file, gzipped as a file is (not by HTTP) where ``zipped``."""
    content = body.encode()
    return Answer(gzip.compress(content), type="application/gzip") if zipped else Answer(content, type="text/xml")


class WebServer:
    """Serves ``site`` (path with query -> what is there) until the context ends; everything else is a 404.

    ``{root}`` in markup, sitemaps and redirects stands for the server's own address, as in ``http://127.0.0.1:8000``.
    ``others`` answers what ``site`` does not have; None for a 404.
    """

    def __init__(self, site: Mapping[str, Served], others: Callable[[str], str | Answer | None] | None = None) -> None:
        self.site = dict(site)
        self.hits: Counter[str] = Counter()
        self._others = others
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Header and body are two writes: without this each answer waits for the client's delayed acknowledgement.
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                answer = outer._answer(self.path)
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.type)
                self.send_header("Content-Length", str(len(answer.body)))
                for name, value in answer.headers:
                    self.send_header(name, value.replace("{root}", outer.root))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.root = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str) -> str:
        return self.root + path

    def _answer(self, path: str) -> Answer:
        with self._lock:
            self.hits[path] += 1
        served = self.site.get(path)
        found = served(path) if callable(served) else served
        if found is None and self._others:
            found = self._others(path)
        if found is None:
            return Answer(b"<p>not here", status=404)
        if isinstance(found, str):
            found = Answer(found.encode())
        if found.body.startswith(b"\x1f\x8b"):
            return found
        return Answer(found.body.replace(b"{root}", self.root.encode()), found.status, found.type, found.headers)
