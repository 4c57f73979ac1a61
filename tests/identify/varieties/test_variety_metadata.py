from __future__ import annotations

import pytest

from m4corpus.identify.varieties.metadata import claims


def said(language: str, hint: str = "", hint_from: str = "", url: str = "") -> list[tuple[str, str]]:
    return [(claim.way, claim.variety) for claim in claims(language, hint, hint_from, url)]


@pytest.mark.parametrize(
    ("language", "hint", "variety"),
    [
        ("spa", "es-MX", "es-MX"),
        ("spa", "es_AR", "es-AR"),
        ("cmn", "zh-Hans-SG", "zh-SG"),
        ("cmn", "zh-TW", "zh-TW"),
        ("cmn", "zh-Hant-HK", "zh-Hant-HK"),
        ("por", "pt-BR", "pt-BR"),
        ("por", "pt-PT", "pt-PT"),
        ("eng", "en-GB", "en"),
        ("swh", "sw-TZ", "sw-TZ"),
    ],
)
def test_a_tag_with_a_country_names_the_variety(language: str, hint: str, variety: str) -> None:
    assert said(language, hint) == [("tag", variety)]


@pytest.mark.parametrize(
    ("language", "hint"),
    [("spa", "es"), ("spa", "es-419"), ("spa", "pt-BR"), ("spa", "no tag"), ("jpn", "ja-x-casual"), ("xxx", "es-MX")],
)
def test_other_tags_name_none(language: str, hint: str) -> None:
    assert said(language, hint) == []


def test_no_source_ever_names_a_register_or_medan_hokkien() -> None:
    assert said("jpn", "ja-JP", url="https://www.example.jp/") == []
    assert said("nan", "nan-Latn-ID", "recipe", url="https://www.example.id/") == []
    assert said("sun", "su", url="https://su.wikipedia.org/wiki/Sangu") == []


def test_editions_of_dialects() -> None:
    assert said("arz", url="https://arz.wikipedia.org/wiki/X") == [("edition", "arz-EG")]
    assert said("yue", "zh-yue", "path") == [("edition", "yue")]
    assert said("yue", url="https://zh-yue.m.wikipedia.org/wiki/X") == [("edition", "yue")]
    assert said("nan", "zh-min-nan", "path") == [("edition", "nan-Latn")]
    assert said("arb", url="https://arz.wikipedia.org/wiki/X") == []


@pytest.mark.parametrize(
    ("language", "url", "expected"),
    [
        ("spa", "https://www.comida.com.mx/tacos", [("host", "es-MX")]),
        ("spa", "https://comida.ar", [("host", "es-AR")]),
        ("spa", "https://comida.us/", [("host", "es-US")]),
        ("spa", "https://startup.co/es", []),
        ("spa", "https://www.alcaldia.gov.co/", [("host", "es-CO")]),
        ("spa", "https://shop.example.com/es-cl/palta", [("address", "es-CL")]),
        ("urd", "https://news.example.pk/", [("host", "ur-PK")]),
        ("urd", "https://news.example.in/", [("host", "ur-IN")]),
        ("spa", "https://192.0.2.1/a", []),
        ("spa", "http://[broken/", []),
        ("spa", "", []),
    ],
)
def test_countries_of_hosts_and_locales_in_addresses(language: str, url: str, expected: list[tuple[str, str]]) -> None:
    assert said(language, url=url) == expected


def test_a_tag_counts_by_where_it_was_read() -> None:
    recipe, attribute = (next(iter(claims("spa", "es-MX", way))).confidence for way in ("recipe", "attribute"))
    assert recipe > attribute
