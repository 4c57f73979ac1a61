"""robots.txt as RFC 9309 has it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from protego import Protego

from m4corpus.crawl.client.agent import PRODUCT
from m4corpus.crawl.client.body import content
from m4corpus.crawl.client.guard import web_address
from m4corpus.crawl.messages import Failed, Request, Response

#: Bytes of a robots.txt that are read; what follows has no say.
PARSED = 500 * 1024
#: Bytes of a robots.txt, decoded, beyond which it is taken for no robots.txt but an attack.
LARGEST = 50_000_000

_GROUP = re.compile(r"\s*user(?:-|\s+)?agent\b[\s:]*([^#]*)", re.IGNORECASE)
_OTHERS = "others"
_UNAVAILABLE = {"redirect-loop", "too-many-redirects", "bad-redirect"}
_SAME_FOR_PAGES = {"private-address", "tls"}


@dataclass(frozen=True, slots=True)
class _Closed:
    """The site cannot be asked; nothing of it is fetched."""

    slug: str
    detail: str
    transient: bool


class Robots:
    """Which pages sites open to crawlers called ``agent``; their rules are fetched with ``get``, once a site.

    A site without rules (any 4xx, or redirects without end) is open; one that cannot say (5xx, 429, no answer) is
    closed. ``slow`` is told the host of each site with a ``Crawl-delay``, and the seconds.
    """

    def __init__(
        self,
        get: Callable[[Request], Awaitable[Response]],
        agent: str = PRODUCT,
        slow: Callable[[str, float], None] | None = None,
    ) -> None:
        self._get = get
        self._agent = agent
        self._slow = slow
        self._rules: dict[str, Protego | _Closed] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def check(self, url: str) -> None:
        """Return where ``url`` may be fetched; else raise ``Failed``: ``robots-denied``, ``robots-unreachable`` (which
        may be transient), or ``private-address`` and ``tls``, that the page itself would meet."""
        file = str(web_address(url).copy_with(raw_path=b"/robots.txt"))
        async with self._locks.setdefault(file, asyncio.Lock()):
            if file not in self._rules:
                self._rules[file] = await self._read(file)
        rules = self._rules[file]
        if isinstance(rules, _Closed):
            raise Failed(rules.slug, rules.detail, transient=rules.transient)
        if not rules.can_fetch(url, self._agent):
            raise Failed("robots-denied", file)

    async def _read(self, file: str) -> Protego | _Closed:
        try:
            text = content(await self._get(Request("robots", file)), LARGEST)
        except Failed as failed:
            if failed.slug in _UNAVAILABLE or _status(failed) < 500:
                return Protego.parse("")
            if failed.slug in _SAME_FOR_PAGES:
                return _Closed(failed.slug, failed.detail, failed.transient)
            return _Closed("robots-unreachable", f"{failed.slug} {failed.detail}".strip(), failed.transient)
        rules = Protego.parse(_pooled(_head(text).decode("utf-8-sig", "replace"), self._agent))
        delay = rules.crawl_delay(self._agent)
        if delay and self._slow:
            self._slow(web_address(file).host, delay)
        return rules


def _status(failed: Failed) -> int:
    """HTTP status a request ended with, 599 where it did not end with one."""
    return int(failed.detail.removeprefix("status=")) if failed.slug == "http-status" else 599


def _head(text: bytes) -> bytes:
    """The part that is parsed, without the line that its end cuts in two: half a rule is another rule."""
    if len(text) <= PARSED:
        return text
    end = max(text.rfind(b"\n", 0, PARSED), text.rfind(b"\r", 0, PARSED))
    return text[: end + 1]


def _pooled(text: str, agent: str) -> str:
    """``text`` with all other crawlers under one name: Protego's time grows with crawlers times rules, and half a
    megabyte of them would hold up the crawl for minutes."""
    lines = []
    for line in text.splitlines():
        if group := _GROUP.match(line):
            name = group[1].strip().lower()
            if name != "*":
                name = name.replace("*", "")
                name = name if name and name in agent.lower() else _OTHERS
            line = f"User-agent: {name}"
        lines.append(line)
    return "\n".join(lines)
