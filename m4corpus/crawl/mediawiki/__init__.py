"""MediaWiki as a source: searching its editions, pinning revisions, fetching their HTML; files of Commons."""

from __future__ import annotations

from m4corpus.crawl.mediawiki.records import Hit, ImageInfo, Pin, Rendered
from m4corpus.crawl.mediawiki.wiki import Wiki

__all__ = ["Hit", "ImageInfo", "Pin", "Rendered", "Wiki"]
