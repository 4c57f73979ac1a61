"""A site that counts its visitors, and a crawl of it that can be started as a process of its own, to be killed."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from m4corpus.crawl.archive import Archive
from m4corpus.crawl.client import Client
from m4corpus.crawl.config import CrawlConfig, PolitenessConfig, QueriesConfig
from m4corpus.crawl.fetcher import LiveFetcher
from m4corpus.crawl.frontier import Frontier
from m4corpus.crawl.messages import Failed, Fetcher, Request, Response, Retry

CONCURRENCY = 8
#: Small, so that a crawl of a few hundred pages fills several files.
ROTATE = 60_000


def config() -> CrawlConfig:
    """A crawl of this machine, as fast as it goes."""
    politeness = PolitenessConfig(
        concurrency=CONCURRENCY, per_second=100_000, total_per_second=100_000, backoff=0.01, attempts=3, patience=3
    )
    own = [QueriesConfig(name="none", path="none")]
    return CrawlConfig(contact="tests@example.org", allow_private=["127.0.0.1/32"], politeness=politeness, queries=own)


def request(url: str, **options: object) -> Request:
    """For a page; a kind of its own where the judge must look at the answer."""
    return Request("lagging" if "/lagging/" in url else "page", url, ("text/html",), **options)  # type: ignore[arg-type]


def judge(response: Response) -> None:
    """What a lagging wiki does: answers 200 that are none."""
    if response.body == b"lagging":
        raise Retry("maxlag")


JUDGES = {"lagging": judge}


class Site:
    """Use as a context manager. ``hits`` counts requests by path; ``on_hit`` hears of each before it is answered."""

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self.on_hit: Callable[[], None] = lambda: None
        self.robots = ""
        self._lock = threading.Lock()
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            # Head and body are written one after the other: the second must not wait for a delayed acknowledgement.
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                with site._lock:
                    site.hits[self.path] += 1
                    count = site.hits[self.path]
                site.on_hit()
                status, headers, body = site.answer(self.path, count)
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                if ("Transfer-Encoding", "chunked") in headers:
                    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
                else:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 64
            daemon_threads = True

            def handle_error(self, *about: object) -> None:
                # Clients that are killed break connections off; that is what the tests are about.
                if not isinstance(sys.exception(), ConnectionError):
                    super().handle_error(*about)  # type: ignore[arg-type]

        self._server = Server(("127.0.0.1", 0), Handler)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def answer(self, path: str, count: int) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers and body; the same for the same path but for those that make one wait."""
        sort, _, number = path[1:].partition("?")[0].partition("/")
        html = [("Content-Type", "text/html; charset=utf-8")]
        text = random.Random(path).randbytes(int(number or 0) % 40 * 20).hex()
        body = f"<html><body><p>{path} {text}</p></body></html>".encode()
        if sort == "robots.txt":
            return (200, [("Content-Type", "text/plain")], self.robots.encode()) if self.robots else (404, [], b"")
        if sort == "missing":
            return 404, html, b"nothing here"
        if sort == "moved":
            return 302, [("Location", f"/page/{number}?moved")], b""
        if sort == "zipped":
            return 200, [*html, ("Content-Encoding", "gzip")], gzip.compress(body, mtime=0)
        if sort == "chunked":
            return 200, [*html, ("Transfer-Encoding", "chunked")], body
        if sort == "busy" and count == 1:
            return 503, html, b"busy"
        if sort == "down":
            return 503, html, b"down"
        if sort == "lagging" and count == 1:
            return 200, html, b"lagging"
        if sort == "image":
            return 200, [("Content-Type", "image/png")], b"\x89PNG"
        return 200, html, body


def paths(number: int) -> list[str]:
    """Addresses of all sorts, in an order that mixes them."""
    sorts = ("page", "zipped", "chunked", "page", "moved", "missing", "busy", "page", "lagging", "image")
    return [f"/{sorts[i % len(sorts)]}/{i}" for i in range(number)]


def outcome(response: Response) -> list[str]:
    """What became of a request that was answered."""
    headers = [pair for pair in response.headers if pair[0].lower() != "date"]
    return ["done", str(response.status), response.url, repr(headers), hashlib.sha256(response.body).hexdigest()]


async def crawl(fetcher: Fetcher, urls: list[str]) -> dict[str, list[str]]:
    """What becomes of every address, in the order asked."""
    turns = asyncio.Semaphore(CONCURRENCY)

    async def one(url: str) -> list[str]:
        async with turns:
            try:
                return outcome(await fetcher.get(request(url), judge))
            except Failed as failed:
                return ["failed", failed.slug, failed.detail, str(failed.transient)]

    return dict(zip(urls, await asyncio.gather(*map(one, urls)), strict=True))


async def live(directory: Path, urls: list[str]) -> dict[str, list[str]]:
    """Crawl into ``directory``, or go on there."""
    with Archive(directory / "warc", rotate=ROTATE) as archive, Frontier(directory / "frontier.sqlite") as frontier:
        async with Client(config(), events=frontier.trouble) as client:
            fetcher = LiveFetcher(client, archive, frontier, judges=JUDGES)
            fetcher.recover()
            return await crawl(fetcher, urls)


def main() -> None:
    """Crawl ``number`` addresses of the site at ``base``; the outcomes go to standard output."""
    directory, base, number = sys.argv[1:]
    json.dump(asyncio.run(live(Path(directory), [base + path for path in paths(int(number))])), sys.stdout)


if __name__ == "__main__":
    main()
