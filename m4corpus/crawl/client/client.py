"""Getting an answer out of the network: in turn, again if need be, and never from where it must not come."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import httpx

from m4corpus.crawl.client.agent import user_agent
from m4corpus.crawl.client.guard import web_address
from m4corpus.crawl.client.judging import REDIRECTS, check
from m4corpus.crawl.client.pace import Pace
from m4corpus.crawl.client.patience import Patience, retry_after
from m4corpus.crawl.client.wire import Headers, Silent, Wire
from m4corpus.crawl.config import CrawlConfig
from m4corpus.crawl.messages import Failed, Judge, Request, Response, Retry
from m4corpus.errors import EnvironmentFailure

#: Told of every complete response: the request it was received for, the response, and the headers that were sent.
Sink = Callable[[Request, Response, Headers], None]
#: Told of every trouble: the host, the slug, and the seconds before the next try, 0 where there is none.
Events = Callable[[str, str, float], None]

#: Kinds of requests that go to MediaWiki's action API, which turns us away while its replicas lag.
LAGGED = frozenset({"search", "langlinks", "pin", "parse", "image-search", "title"})


class HostDown(EnvironmentFailure):
    """A host, or the way to it, is down: better to stop than to write off one request after the other."""

    def __init__(self, host: str, failures: int, last: str) -> None:
        super().__init__(
            f"{host} does not answer: {failures} requests in a row failed ({last})",
            hint="Nothing is lost. When the host can be reached again, run the same command, without --again: the "
            "crawl resumes.",
        )
        self.host = host


class Client:
    """Sends the requests of one crawl. Use as an async context manager.

    Raises ``UserError`` at once where ``config`` and environment name no contact.
    """

    def __init__(self, config: CrawlConfig, events: Events | None = None) -> None:
        self._limits = config.politeness
        self._wire = Wire(config, user_agent(config.contact))
        self._pace = Pace(config.politeness)
        self._patience = Patience(config.politeness)
        self._unanswered: Counter[str] = Counter()  # failures in a row, by host
        self._down: dict[str, str] = {}  # what was the matter in the end, by host
        self.events = events

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._wire.close()

    def slow(self, host: str, seconds: float) -> None:
        """Leave ``seconds`` between two requests to ``host`` from now on, within reason (``Crawl-delay``)."""
        self._pace.slow(host, seconds)

    async def get(
        self,
        request: Request,
        judge: Judge | None = None,
        sink: Sink | None = None,
        allowed: Callable[[str], Awaitable[None]] | None = None,
    ) -> Response:
        """The answer to ``request``: a response with status 200, of a media type it accepts, that ``judge`` lets pass.

        Each complete response goes to ``sink`` as it comes in, those that are tried again and those that redirect
        included; the one returned went there last. ``allowed`` is asked about the target of every redirect and raises
        ``Failed`` to stop there (robots.txt); whether ``request`` itself is allowed is for the caller to ask.

        Raises ``Failed``, which is transient where the attempts ran out, and ``HostDown``.
        """
        url = web_address(self._address(request))
        visited = {url}
        while True:
            response = await self._answer(request, url, judge, sink)
            if response.status not in REDIRECTS:
                return response
            url = _target(url, response)
            if url in visited:
                raise Failed("redirect-loop", str(url))
            if len(visited) > self._limits.redirects:
                raise Failed("too-many-redirects", f"redirects>{self._limits.redirects}")
            visited.add(url)
            if allowed:
                await allowed(str(url))

    def _address(self, request: Request) -> str:
        if request.kind not in LAGGED or not self._limits.maxlag:
            return request.url
        return f"{request.url}{'&' if '?' in request.url else '?'}maxlag={self._limits.maxlag}"

    async def _answer(self, request: Request, url: httpx.URL, judge: Judge | None, sink: Sink | None) -> Response:
        """What ``url`` answers in the end: a redirect, or a response that passes."""
        attempt = 0
        while True:
            attempt += 1
            if url.host in self._down:
                raise HostDown(url.host, self._limits.patience, self._down[url.host])
            try:
                async with self._pace.turn(url.host):
                    response, sent = await self._wire.get(url, request.accept)
                if sink:
                    sink(request, response, sent)
                self._judge(request, response, judge)
            except Retry as trouble:
                await self._bear(url.host, trouble, attempt)
            else:
                return response

    def _judge(self, request: Request, response: Response, judge: Judge | None) -> None:
        """Return where the response is an answer or a redirect; raise ``Retry`` or ``Failed`` where it is neither."""
        asked = retry_after(response)
        if not self._patience.exceeded(asked):
            self._unanswered[httpx.URL(response.url).host] = 0
        if response.status in REDIRECTS:
            return
        try:
            check(response, request.accept, judge, self._limits.max_bytes)
        except Retry as trouble:
            raise Retry(trouble.slug, trouble.detail, asked if trouble.after is None else trouble.after) from None

    async def _bear(self, host: str, trouble: Retry, attempt: int) -> None:
        """Wait as the trouble requires; raise where there is nothing to wait for.

        A server that names a time, or limits our rate, is left alone by all requests until then. One that asks for more
        than ``max_wait`` loses this request (``retry-later``) and is left alone for ``max_wait``.
        """
        wait = self._patience.wait(attempt, trouble.after)
        too_long = self._patience.exceeded(trouble.after)
        last = too_long or attempt >= self._limits.attempts
        everyone = trouble.after is not None or trouble.slug == "rate-limited"
        if everyone:
            self._pace.pause(host, wait)
        if self.events:
            self.events(host, trouble.slug, 0.0 if last else wait)
        if too_long or isinstance(trouble, Silent):
            self._unanswered[host] += 1
            if self._unanswered[host] >= self._limits.patience:
                self._down[host] = trouble.slug
                raise HostDown(host, self._limits.patience, trouble.slug)
        if last:
            raise Failed("retry-later" if too_long else trouble.slug, trouble.detail, transient=True)
        if not everyone:
            await asyncio.sleep(wait)


def _target(url: httpx.URL, response: Response) -> httpx.URL:
    location = response.header("Location").strip()
    if not location:
        raise Failed("bad-redirect", "no Location")
    try:
        target = str(url.join(location))
    except (httpx.InvalidURL, ValueError) as error:
        raise Failed("bad-redirect", f"invalid: {error}") from None
    return web_address(target, "bad-redirect")
