"""What a page says to crawlers."""

from __future__ import annotations

import pytest

from m4corpus.crawl.sites.links import MAX_LINKS, header_directives, links_of

HERE = "http://x.org/a/here"


def test_links_of_a_and_area_resolve_against_the_page() -> None:
    found = links_of(
        '<a href="b">1</a><map><area href="/c"></map><A HREF=" ?d ">2</A><a href="//y.org/e#f">3</a><a href="b#g">4</a>'
        '<a>5</a><a href="#top">6</a><a href="mailto:a@x.org">7</a><a href="javascript:void(0)">8</a><img src="i.png">'
        '<!-- <a href="hidden"> --><script>"<a href=script>"</script>',
        HERE,
    )
    assert found.follow == ("http://x.org/a/b", "http://x.org/a/here?d", "http://x.org/c", "http://y.org/e")
    assert found.nofollow == ()
    assert found.bad == ()
    assert not found.noindex


def test_the_first_base_counts_for_the_whole_page() -> None:
    markup = '<a href="b">1</a><base target="_top"><base href="/z/"><base href="/y/"><a href="c">2</a>'
    # The first base element here has no address, so it is not the one.
    assert links_of(markup, HERE).follow == ("http://x.org/z/b", "http://x.org/z/c")


@pytest.mark.parametrize("base", ["javascript:1", "http://[bad"])
def test_a_base_that_is_no_address_is_none(base: str) -> None:
    assert links_of(f'<base href="{base}"><a href="b">1</a>', HERE).follow == ("http://x.org/a/b",)


def test_nofollow_links_are_followed_where_another_link_allows() -> None:
    found = links_of('<a rel="external NoFollow" href="b">1</a><a rel=nofollow href="c">2</a><a href="./b">3</a>', HERE)
    assert found.follow == ("http://x.org/a/b",)
    assert found.nofollow == ("http://x.org/a/c",)


@pytest.mark.parametrize(
    ("content", "noindex", "nofollow"),
    [("noindex", True, False), ("NoFollow, noarchive", False, True), ("none", True, True), ("all", False, False)],
)
def test_meta_robots(content: str, noindex: bool, nofollow: bool) -> None:
    found = links_of(f'<meta name="Robots" content="{content}"><a href="b">1</a>', HERE)
    assert found.noindex == noindex
    assert bool(found.nofollow) == nofollow
    assert bool(found.follow) != nofollow


def test_directives_for_other_crawlers_are_not_ours() -> None:
    assert not links_of('<meta name="otherbot" content="noindex">', HERE).noindex
    assert links_of('<meta name="m4corpus" content="noindex">', HERE).noindex


@pytest.mark.parametrize(
    ("value", "noindex", "nofollow"),
    [
        ("noindex", True, False),
        ("otherbot: noindex, nofollow", False, False),
        ("otherbot: noindex, M4corpus: nofollow", False, True),
        ("max-snippet: 5, noindex", True, False),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST", False, False),
    ],
)
def test_robots_header(value: str, noindex: bool, nofollow: bool) -> None:
    assert ("noindex" in header_directives(value)) == noindex
    assert ("nofollow" in header_directives(value)) == nofollow
    assert links_of("<p>text", HERE, (value,)).noindex == noindex


def test_broken_links_are_named_and_the_preferred_address_noted() -> None:
    found = links_of(
        '<link rel="canonical" href="/c?utm_source=x"><a href="http://[bad\n1">1</a><a href="ok">2</a>', HERE
    )
    assert [href for href, _ in found.bad] == ["http://[bad 1"]
    assert found.follow == ("http://x.org/a/ok",)
    assert found.canonical == "http://x.org/c"


def test_markup_that_declares_another_charset_and_markup_without_end() -> None:
    markup = '<?xml version="1.0" encoding="gbk"?><html><meta charset=gbk><a href="é?a=1&amp;b=2&copy=3">\0<a href="z'
    assert links_of(markup, HERE).follow == ("http://x.org/a/%C3%A9?a=1&b=2&copy=3",)
    assert links_of("<div>" * 50_000 + '<a href="b">', HERE).follow == ("http://x.org/a/b",)
    assert links_of("", HERE).follow == ()


def test_a_page_of_endless_links_is_cut_and_says_so() -> None:
    found = links_of("".join(f'<a href="{n}">x</a>' for n in range(MAX_LINKS + 7)), HERE)
    assert len(found.follow) == MAX_LINKS
    assert found.more == 7
