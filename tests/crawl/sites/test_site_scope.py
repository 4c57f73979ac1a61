"""One spelling for each address, and which addresses belong to a site."""

from __future__ import annotations

from typing import Any

import pytest

from m4corpus.crawl.config import SiteConfig
from m4corpus.crawl.sites.addresses import MAX_CHARS, canonical, is_web, resolve
from m4corpus.crawl.sites.scope import Scope
from m4corpus.ledger import Drop


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("HTTP://Example.ORG:80/Kites#top", "http://example.org/Kites"),
        ("https://example.org:443", "https://example.org/"),
        ("https://example.org:8443/", "https://example.org:8443/"),
        ("http://example.org./a", "http://example.org/a"),
        ("http://example.org?b=1&a=2", "http://example.org/?b=1&a=2"),
        ("http://example.org/a/../b/./c/", "http://example.org/b/c/"),
        ("http://example.org/%7eme/%c3%a9", "http://example.org/~me/%C3%A9"),
        ("http://example.org/é ü", "http://example.org/%C3%A9%20%C3%BC"),
        ("http://münchen.example/", "http://xn--mnchen-3ya.example/"),
        ("  http://example.org/a\n/b\t", "http://example.org/a/b"),
        ("http://example.org/a?", "http://example.org/a"),
        ("http://example.org/a?utm_source=x&page=2&fbclid=Iw0&UTM_medium=y", "http://example.org/a?page=2"),
        ("http://example.org/a;jsessionid=0A1B?x=1", "http://example.org/a?x=1"),
        ("http://example.org/a?PHPSESSID=9f86d081884c7d659a2f", "http://example.org/a"),
    ],
)
def test_spellings_of_one_address_become_one(written: str, meant: str) -> None:
    assert canonical(written) == meant
    assert canonical(meant) == meant


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/?StartPage",
        "http://example.org/?b=&a",
        "http://example.org/?a=1&copy=2",
        "http://example.org/?gallery=1",
        "http://example.org/?cid=5&reference=7",
        "http://example.org/story?sid=1234",
        "http://example.org/web/2020/http://example.net/",
        "http://example.org/a;v=1/Foo_(bar)+x",
    ],
)
def test_what_may_tell_pages_apart_stays(address: str) -> None:
    assert canonical(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "mailto:a@example.org",
        "//example.org/",
        "http://",
        "http://user:secret@example.org/",
        "http://example.org:99999/",
        "http://a b/",
        "http://[::1",
        "http://example.org/a\x00b",
        "http://example.org/" + "a" * MAX_CHARS,
    ],
)
def test_what_cannot_be_fetched_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(address)


def test_links_that_are_no_addresses_of_the_web() -> None:
    assert is_web("a/b")
    assert is_web("?q=a:b")
    assert is_web("HTTPS://x.org")
    assert is_web("//x.org")
    assert not is_web("mailto:a@x.org")
    assert not is_web(" JavaScript:void(0)")
    assert not is_web("tel:+49")


def test_relative_links() -> None:
    assert canonical(resolve("http://x.org/a/b?c=1", "?d=2")) == "http://x.org/a/b?d=2"
    assert canonical(resolve("http://x.org/a/b", "//y.org/z")) == "http://y.org/z"


def scope(*starts: str, **options: Any) -> Scope:
    return Scope(SiteConfig(name="s", start=list(starts), **options), map(canonical, starts))


def verdict(scope: Scope, url: str) -> str:
    try:
        scope.check(url)
    except Drop as drop:
        return drop.slug
    return "taken"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/a", "taken"),
        ("http://www.example.org/a", "taken"),
        ("https://blog.example.org/", "out-of-scope"),
        ("https://example.org:8443/", "out-of-scope"),
        ("https://example.org.evil.net/", "out-of-scope"),
        ("https://www.org/", "out-of-scope"),
    ],
)
def test_hosts_of_the_start_addresses(url: str, expected: str) -> None:
    assert verdict(scope("https://www.example.org/start"), url) == expected


def test_include_takes_the_place_of_the_hosts() -> None:
    rules = scope("https://example.org/", include=["https://*.example.net/wiki/*", "*/日本*"])
    assert verdict(rules, "https://a.example.net/wiki/b/c") == "taken"
    assert verdict(rules, canonical("https://example.org/日本語")) == "taken"
    assert verdict(rules, "https://example.org/") == "out-of-scope"
    assert verdict(rules, "https://a.example.net/Wiki/b") == "out-of-scope"


def test_exclude_goes_before_include() -> None:
    rules = scope("https://example.org/", include=["https://example.org/*"], exclude=["*[?]action=*", "*/print/*"])
    assert verdict(rules, "https://example.org/a?action=edit") == "excluded"
    assert verdict(rules, "https://example.org/print/a") == "excluded"
    assert verdict(rules, "https://example.org/a/action=b") == "taken"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a.pdf", "not-html"),
        ("/photo.JPG?width=100", "not-html"),
        ("/wiki/File:Kite.jpg", "taken"),
        ("/wiki/Node.js", "taken"),
        ("/v1.0", "taken"),
        ("/.zip", "taken"),
        ("/show?file=a.pdf", "taken"),
    ],
)
def test_files_are_known_by_their_ending(path: str, expected: str) -> None:
    assert verdict(scope("https://example.org/"), "https://example.org" + path) == expected


def test_no_password_gets_into_a_plan() -> None:
    with pytest.raises(ValueError, match="user name or password"):
        SiteConfig(name="s", start=["https://user:secret@x.org/"])
