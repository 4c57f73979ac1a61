"""Web sites: which of their pages to take, found by sitemap or by following links."""

from __future__ import annotations

from m4corpus.crawl.sites.pages import page_of
from m4corpus.crawl.sites.records import SitePage, SiteResult, SiteVerdict
from m4corpus.crawl.sites.site import crawl_site, page_request

__all__ = ["SitePage", "SiteResult", "SiteVerdict", "crawl_site", "page_of", "page_request"]
