from __future__ import annotations

import time

import pytest

from m4corpus.sources.hints import language_hint, markup_language, path_language


@pytest.mark.parametrize(
    ("markup", "language"),
    [
        ('<!DOCTYPE html><html lang="sw"><p lang=en>', "sw"),
        ("<html xmlns='x' xml:lang='zh-TW' lang=''>", "zh-TW"),
        ("<html data-lang=de hreflang=fr class='x lang=it'><body lang=am>", "am"),
        ('<!--[if IE]><html lang="en"><![endif]--><html lang="th">', "th"),
        ('<?xml version="1.0"?><HTML LANG=yo>', "yo"),
        ('<div class="mw-parser-output" lang="zh-yue" dir="ltr"><p>', "zh-yue"),
        ("<html><head><title>x</title><meta http-equiv='Content-Language' content='ga'></head><body>", "ga"),
        ("<html><head><meta http-equiv='Content-Language' content='ga, en'></head><body>", ""),
        ("<html lang='not a tag'><body>", ""),
        ("<html><body><p lang=en>", ""),
        ("plain text", ""),
        ("", ""),
    ],
)
def test_language_of_markup(markup: str, language: str) -> None:
    assert markup_language(markup) == language


HOSTILE = ["<!--", "<a ", '<a b="', "<", "=", " b='", "<a ''", "<meta a=b ", "<a \"'"]


@pytest.mark.parametrize("head", HOSTILE)
def test_hostile_heads_take_no_time(head: str) -> None:
    started = time.process_time()
    markup_language(head * 9999)
    markup_language("<a " + head * 9999)
    assert time.process_time() - started < 2


def test_the_first_folder_that_names_a_language() -> None:
    assert path_language("html/zh-yue/en/kite.html") == "zh-yue"
    assert path_language("pages/kite/en.html") == ""
    assert path_language("zh_CN/index.html") == "zh_CN"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("auto", ("yo", "field")),
        ("field:lang", ("yo", "field")),
        ("attribute", ("sw", "attribute")),
        ("path", ("en", "path")),
        ("none", ("", "")),
        ("ta", ("ta", "recipe")),
    ],
)
def test_where_the_hint_is_taken_from(wanted: str, expected: tuple[str, str]) -> None:
    assert language_hint(wanted, "en/x.jsonl", "yo", "<html lang=sw>") == expected


def test_auto_goes_on_to_what_there_is() -> None:
    assert language_hint("auto", "en/x", "", "<html lang=sw>") == ("sw", "attribute")
    assert language_hint("auto", "en/x", " ", "<html>") == ("en", "path")
    assert language_hint("auto", "x", "", "") == ("", "")
    assert language_hint("field:lang", "en/x", "", "<html lang=sw>") == ("", "")
