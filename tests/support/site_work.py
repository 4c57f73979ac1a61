"""Crawling a site on loopback with the real client, archive and frontier."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from m4corpus.crawl.archive import Archive
from m4corpus.crawl.client import Client
from m4corpus.crawl.config import CrawlConfig, PolitenessConfig, SiteConfig
from m4corpus.crawl.fetcher import LiveFetcher, ReplayFetcher
from m4corpus.crawl.frontier import Frontier
from m4corpus.crawl.messages import Response
from m4corpus.crawl.sites import SiteResult, crawl_site


def crawl(folder: Path, root: str, paths: tuple[str, ...] = ("/",), **options: Any) -> SiteResult:
    """The crawl of the site at ``root`` from ``paths``, into the archive in ``folder``."""
    site = site_config(root, paths, **options)
    politeness = PolitenessConfig(
        concurrency=16, per_second=10_000, total_per_second=10_000, backoff=0.01, attempts=2, redirects=3
    )
    config = CrawlConfig(
        contact="https://example.org/us", allow_private=["127.0.0.1/32"], politeness=politeness, sites=[site]
    )

    async def run() -> SiteResult:
        folder.mkdir(exist_ok=True)
        with Archive(folder / "warc") as archive, Frontier(folder / "frontier.sqlite") as frontier:
            async with Client(config) as client:
                fetcher = LiveFetcher(client, archive, frontier)
                fetcher.recover()
                return await crawl_site(fetcher, site)

    return asyncio.run(run())


def replay(folder: Path, root: str, paths: tuple[str, ...] = ("/",), **options: Any) -> SiteResult:
    """The same crawl out of the archive alone."""
    site = site_config(root, paths, **options)
    with Archive(folder / "warc") as archive, Frontier(None) as frontier:
        fetcher = ReplayFetcher(archive, frontier)
        fetcher.recover()
        return asyncio.run(crawl_site(fetcher, site))


def responses(folder: Path, result: SiteResult) -> dict[str, Response]:
    """The archived responses of all pages of a crawl, by final address."""

    async def read() -> dict[str, Response]:
        with Archive(folder / "warc") as archive, Frontier(None) as frontier:
            fetcher = ReplayFetcher(archive, frontier)
            fetcher.recover()
            return {page.final_url: await fetcher.get(page.request) for page in result.pages}

    return asyncio.run(read())


def site_config(root: str, paths: tuple[str, ...], **options: Any) -> SiteConfig:
    return SiteConfig(name="s", start=[root + path for path in paths], **options)


def kept(result: SiteResult, root: str) -> list[str]:
    """Paths of the pages taken."""
    return [page.final_url.removeprefix(root) for page in result.pages]


def slugs(result: SiteResult, root: str) -> dict[str, str]:
    """Outcome or slug of every address on the server by its path, of others by the whole address."""
    return {verdict.url.removeprefix(root): verdict.slug or verdict.outcome for verdict in result.verdicts}
