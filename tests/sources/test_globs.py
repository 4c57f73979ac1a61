from __future__ import annotations

import pytest

from m4corpus.sources.globs import Glob, has_wildcard


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("**/*.html", "a.html", True),
        ("**/*.html", "a/b/c.HTML", True),
        ("**/*.html", "a/.hidden/c.html", False),
        ("**/*.html", "a/._c.html", False),
        ("*.html", "a/b.html", False),
        ("*.html", "b.htm", False),
        ("./a/*.html", "a/b.html", True),
        ("a/**", "a/b/c", True),
        ("a/**", "a", False),
        ("**", "a/b", True),
        ("a/**/b.txt", "a/b.txt", True),
        ("a/**/b.txt", "a/x/y/b.txt", True),
        ("a/**/b.txt", "ab.txt", False),
        (".well-known/*", ".well-known/x", True),
        ("part-[0-9].txt", "part-7.txt", True),
        ("part-[!0-9].txt", "part-7.txt", False),
        ("part-[!0-9].txt", "part-x.txt", True),
        ("[z-a].txt", "[z-a].txt", True),
        ("[].txt", "[].txt", True),
        ("[]]", "]", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("a.c", "abc", False),
        ("日本/*.html", "日本/凧.html", True),
    ],
)
def test_matches(pattern: str, path: str, expected: bool) -> None:
    assert Glob(pattern).matches(path) is expected


@pytest.mark.parametrize(
    ("pattern", "folder", "expected"),
    [
        ("**/*.html", "a/b", True),
        ("**/*.html", "a/.git", False),
        ("**/.git/*", "a/.git", True),
        ("*/html/*.html", "doc", True),
        ("*/html/*.html", "doc/html", True),
        ("*/html/*.html", "doc/text", False),
        ("*/html/*.html", "doc/html/deeper", False),
        ("*.html", "a", False),
    ],
)
def test_leads_to(pattern: str, folder: str, expected: bool) -> None:
    assert Glob(pattern).leads_to(folder) is expected


def test_many_stars_do_not_take_for_ever() -> None:
    assert not Glob("**/" * 6 + "*.html").matches("a/" * 40 + "b.txt")


def test_plain_paths_have_no_wildcard() -> None:
    assert not has_wildcard("a/b.html")
    assert has_wildcard("a/[bc].html")
