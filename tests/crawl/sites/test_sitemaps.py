"""Sitemaps as they come: XML, text, gzipped, broken, hostile."""

from __future__ import annotations

import gzip
import time

import pytest

from m4corpus.crawl.sites import sitemaps
from m4corpus.crawl.sites.sitemaps import Sitemap, read_sitemap, robots_sitemaps
from m4corpus.ledger import Fail

HERE = "http://x.org/maps/s.xml"
NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def read(content: str | bytes) -> Sitemap:
    return read_sitemap(content if isinstance(content, bytes) else content.encode(), HERE)


def fault(content: str | bytes) -> str:
    with pytest.raises(Fail) as caught:
        read(content)
    return caught.value.slug


def test_pages_in_order_each_once() -> None:
    found = read(
        f"<urlset {NS}><url><loc> http://x.org/b?p=1&amp;q=2#f\n</loc><lastmod>2025-01-01</lastmod></url>"
        "<url><loc><![CDATA[http://x.org/a]]></loc></url><url><loc>http://X.org/b?p=1&amp;q=2</loc></url>"
        "<url><loc>/c</loc></url><url><loc/></url></urlset>"
    )
    assert found.pages == ["http://x.org/b?p=1&q=2", "http://x.org/a", "http://x.org/c"]
    assert found.sitemaps == []
    assert found.bad == []
    assert found.fault is None


def test_images_and_translations_are_no_pages() -> None:
    found = read(
        f'<urlset {NS} xmlns:image="i" xmlns:xhtml="h"><url><loc>http://x.org/a</loc><image:image>'
        "<image:loc>http://x.org/i.jpg</image:loc></image:image><image:loc>http://x.org/j</image:loc>"
        '<xhtml:link rel="alternate" hreflang="de" href="http://x.org/de"/></url></urlset>'
    )
    assert found.pages == ["http://x.org/a"]


def test_index_with_a_prefix_and_old_files_without_namespace() -> None:
    index = (
        f"<s:sitemapindex {NS.replace('xmlns', 'xmlns:s')}><s:sitemap><s:loc>1.xml</s:loc></s:sitemap></s:sitemapindex>"
    )
    assert read(index).sitemaps == ["http://x.org/maps/1.xml"]
    assert read("<urlset><url><loc>http://x.org/a</loc></url></urlset>").pages == ["http://x.org/a"]


def test_gzip_is_told_by_content_and_text_files_have_a_line_each() -> None:
    found = read(gzip.compress(b"http://x.org/a\r\n\r\nhttps://x.org/b\nend of list\n"))
    assert found.pages == ["http://x.org/a", "https://x.org/b"]
    assert [written for written, _ in found.bad] == ["end of list"]
    assert read(
        '<?xml version="1.0" encoding="utf-16"?><urlset><url><loc>/é</loc></url></urlset>'.encode("utf-16")
    ).pages


def test_entries_that_are_no_address_are_named() -> None:
    found = read("<urlset><url><loc>ftp://x.org/a</loc></url><url><loc>http://x.org/b</loc></url></urlset>")
    assert found.pages == ["http://x.org/b"]
    assert [written for written, _ in found.bad] == ["ftp://x.org/a"]


def test_what_comes_before_a_fault_counts() -> None:
    found = read("<urlset><url><loc>http://x.org/a</loc></url>\n<url><loc>http://x.org/?b=1&c=2</loc></url></urlset>")
    assert found.pages == ["http://x.org/a"]
    assert found.fault is not None
    assert (found.fault.slug, found.fault.detail) == ("bad-sitemap", "line 2 is not XML")


def test_what_is_no_sitemap() -> None:
    assert fault("<!DOCTYPE html><html><body><p>Kites</html>") == "not-a-sitemap"
    assert fault("<rss><channel/></rss>") == "not-a-sitemap"
    assert fault("") == "not-a-sitemap"
    assert fault("Not found") == "not-a-sitemap"
    assert fault("<urlset><url>") == "bad-sitemap"
    assert fault(gzip.compress(b"http://x.org/a\n")[:-4]) == "bad-encoding"


def test_hostile_files_read_nothing_and_end_soon() -> None:
    outside = (
        '<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/hostname"><!ENTITY s "http://x.org/s">]>'
        "<urlset><url><loc>http://x.org/&f;</loc></url><url><loc>&s;</loc></url><url><loc>http://x.org/a</loc></url></urlset>"
    )
    found = read(outside)
    assert found.pages == ["http://x.org/a"]
    assert found.bad == [("http://x.org/&f;", "holds an entity"), ("&s;", "holds an entity")]
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE r [<!ENTITY l0 "x">{laughs}]><urlset><url a="&l11;"><loc>http://x.org/&l11;</loc></url></urlset>'
    assert fault(bomb) == "bad-sitemap"
    assert fault("<urlset>" + "<x>" * 5000) == "bad-sitemap"


def test_size_and_number_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemaps, "MAX_BYTES", 1000)
    assert fault(gzip.compress(b"http://x.org/" + b"a" * 10_000)) == "too-large"
    monkeypatch.setattr(sitemaps, "MAX_ADDRESSES", 2)
    found = read("http://x.org/1\nhttp://x.org/2\nhttp://x.org/3\n")
    assert found.pages == ["http://x.org/1", "http://x.org/2"]
    assert found.fault is not None
    assert found.fault.slug == "too-many-addresses"
    found = read("http://x.org/1\n" + "x\n" * 50)
    assert (len(found.pages), len(found.bad)) == (1, 1), "what is no address counts as well"


def test_robots_txt_names_sitemaps() -> None:
    text = (
        "User-agent: *\nDisallow: /a\n\nsitemap: /s2.xml\nSitemap: http://y.org/s1.xml\nSitemap: ftp://x.org/s3.xml\n"
    )
    assert robots_sitemaps(text, "http://x.org/robots.txt") == ["http://x.org/s2.xml", "http://y.org/s1.xml"]
    assert robots_sitemaps("<html>Not found</html>", "http://x.org/robots.txt") == []


def test_crawlers_and_rules_without_number_hold_up_nobody() -> None:
    crawlers = "".join(f"User-agent: bot{n}\n" for n in range(10_000))
    rules = "Disallow: /a\n" * 10_000
    text = f"{crawlers}{rules}Sitemap: /s.xml\n"
    started = time.monotonic()
    assert robots_sitemaps(text, "http://x.org/robots.txt") == ["http://x.org/s.xml"]
    assert time.monotonic() - started < 5
