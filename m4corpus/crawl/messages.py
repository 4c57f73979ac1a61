"""What a crawl asks for and what it gets: plain records that know nothing of networks or files."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from m4corpus.ledger import Fail


@dataclass(frozen=True, slots=True)
class Request:
    """A GET request. ``kind`` says what it is for (``search``, ``parse``, ``page``...), which decides how its answer
    is judged; ``accept`` lists the media types an answer may have, empty for any.

    ``robots`` asks for the site's robots.txt to be obeyed: for web pages, not for APIs made for programs.
    """

    kind: str
    url: str
    accept: tuple[str, ...] = ()
    robots: bool = False

    @property
    def key(self) -> str:
        """Names the request in frontier and archive: equal requests are sent once."""
        return hashlib.blake2b(f"{self.kind} {self.url}".encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response as it came: ``body`` still has its content coding, ``headers`` their order and spelling.

    ``url`` is the address that answered, after redirects; ``fetched_at`` is UTC, ``2025-04-30T12:00:00Z``;
    ``protocol`` is ``HTTP/1.1`` or ``HTTP/2``.
    """

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    fetched_at: str
    protocol: str = "HTTP/1.1"

    def header(self, name: str) -> str:
        """Value of the first header called ``name`` (any case), empty where there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


class Failed(Fail):
    """A request that will get no useful answer. ``slug`` is the reason the ledger gives; ``transient`` says that the
    same request may do better another time."""

    def __init__(self, slug: str, detail: str = "", *, transient: bool = False) -> None:
        super().__init__(slug, detail)
        self.transient = transient


class Retry(Exception):
    """A judge's verdict that the answer is none yet (busy, lagging); ``after`` is what the server asked for, in
    seconds, and None where it did not say."""

    def __init__(self, slug: str, detail: str = "", after: float | None = None) -> None:
        super().__init__(slug, detail)
        self.slug = slug
        self.detail = detail
        self.after = after


#: Looks at a response with status 200: returns when it is an answer, raises :class:`Retry` or :class:`Failed`.
Judge = Callable[[Response], None]


class Fetcher(Protocol):
    """Whatever answers requests: the network with an archive behind it, or the archive alone."""

    def get(self, request: Request, judge: Judge | None = None) -> Awaitable[Response]:
        """The answer to ``request``; raises :class:`Failed`."""
