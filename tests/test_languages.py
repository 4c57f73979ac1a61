from __future__ import annotations

from collections import Counter

import pytest
from fresh import modules_loaded_by

from m4corpus import languages as registry
from m4corpus.errors import UserError
from m4corpus.tables import read_table
from m4corpus.tags import parse_tag


def test_there_are_42_languages_and_56_varieties_and_the_benchmarks_add_up() -> None:
    cvqa = [country for variety in registry.varieties() for country in variety.cvqa]
    worldcuisines = [name for variety in registry.varieties() for name in variety.worldcuisines]
    shared = [variety for variety in registry.varieties() if len(variety.datasets) == 2]
    assert len(registry.languages()) == 42
    assert len(registry.varieties()) == 56
    assert (len(cvqa), len(worldcuisines), len(shared)) == (39, 30, 13)
    assert len(set(worldcuisines)) == 30
    assert len({(v.language, country) for v in registry.varieties() for country in v.cvqa}) == 39
    assert len(cvqa) + len(worldcuisines) - len(shared) == 56


def test_every_language_has_as_many_varieties_as_the_environment_says() -> None:
    counts = {language.code: len(language.varieties) for language in registry.languages()}
    more = {"cmn": 2, "nan": 2, "ind": 2, "jpn": 2, "jav": 2, "kor": 2, "rus": 2, "urd": 2, "spa": 7}
    assert counts == dict.fromkeys(counts, 1) | more


def test_codes_editions_tags_and_ids_are_unique_and_well_formed() -> None:
    scripts = {row["code"] for row in read_table("scripts")}
    for attribute in ("code", "name", "edition", "bcp47"):
        assert len({getattr(language, attribute) for language in registry.languages()}) == 42
    assert all(len(language.code) == 3 and set(language.scripts) <= scripts for language in registry.languages())
    assert len({variety.id for variety in registry.varieties()}) == 56
    assert len({variety.bcp47 for variety in registry.varieties()}) == 56
    assert {variety.kind for variety in registry.varieties()} == set(registry.KINDS)
    for variety in registry.varieties():
        tag = parse_tag(variety.bcp47, {language.bcp47 for language in registry.languages()})
        assert tag is not None
        assert registry.get(tag.language).code == variety.language


def test_registers_and_medan_hokkien_are_for_queries_only() -> None:
    kinds = Counter(variety.kind for variety in registry.varieties() if variety.query_only)
    assert kinds == {"register": 12, "dialect": 2}
    assert all(variety.query_only for variety in registry.varieties() if variety.kind == "register")


def test_every_language_is_found_under_every_name_it_has() -> None:
    for language in registry.languages():
        dump = f"{language.dump}-20250401-pages-articles-multistream1.xml-p1p2.bz2"
        url = f"https://{language.host}/wiki/A_b?c=d#e"
        for name in (*registry.known_names(language), language.host, language.dump, dump, f"dumps/{dump}", url):
            for spelling in (name, name.upper(), f" {name} ", name.replace("-", "_") if "." not in name else name):
                assert registry.resolve(spelling) is language, spelling


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("zh-yue", "yue"),
        ("zh_yue", "yue"),
        ("yuewiki", "yue"),
        ("zh_yuewiki", "yue"),
        ("zh_yuewiki-20250401-pages-articles.xml.bz2", "yue"),
        ("https://zh-yue.wikipedia.org/wiki/%E9%A2%A8%E7%AE%8F", "yue"),
        ("http://yue.m.wikipedia.org/", "yue"),
        ("//en.wikipedia.org/wiki/Kite", "eng"),
        ("en.m.wikipedia.org", "eng"),
        ("HTTPS://EN.WIKIPEDIA.ORG/wiki/Kite", "eng"),
        ("enwiktionary-latest-pages-articles.xml.bz2", "eng"),
        ("https://ga.wikisource.org/wiki/X", "gle"),
        ("zh-min-nan", "nan"),
        ("zh_min_nanwiki", "nan"),
        ("zh-min-nan-TW", "nan"),
        ("nowiki", "nob"),
        ("nb-NO", "nob"),
        ("nor", "nob"),
        ("fil", "tgl"),
        ("tgl_Latn", "tgl"),
        ("arb_Arab", "arb"),
        ("ara", "arb"),
        ("zho_Hans", "cmn"),
        ("zh-Hant-HK", "cmn"),
        ("zh-SG", "cmn"),
        ("es-419", "spa"),
        ("ES_mx", "spa"),
        ("Egyptian_Arabic", "arz"),
        ("Español", "spa"),
        ("Espan\u0303ol", "spa"),
        ("日本語", "jpn"),
        ("ja_casual", "jpn"),
        ("jv-x-krama", "jav"),
        ("srd", "src"),
    ],
)
def test_resolves(text: str, code: str) -> None:
    language = registry.resolve(text)
    assert language is not None
    assert language.code == code


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "_", "xx", "de", "nn", "azb", "wiki", "en-", "en--GB", "en-help", "en-x", "english language", "e n"),
        *("commons.wikimedia.org", "www.wikipedia.org", "https://example.org/en", "en.wikipedia.org.evil.com"),
        *("http://[broken", "notwikipedia.org", "en/", "dewiki-latest.xml"),
    ],
)
def test_does_not_guess(text: str) -> None:
    assert registry.resolve(text) is None


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError) as caught:
        registry.get("Spansh")
    assert "'Spansh'" in caught.value.message
    assert "Spanish (spa)" in caught.value.hint
    with pytest.raises(UserError) as caught:
        registry.get("qqqq")
    assert "Did you mean" not in caught.value.hint


def test_editions_lead_to_hosts_and_dumps_and_back() -> None:
    cantonese = registry.get("yue")
    assert (cantonese.edition, cantonese.host, cantonese.dump) == ("zh-yue", "zh-yue.wikipedia.org", "zh_yuewiki")
    assert registry.get("nb").host == "no.wikipedia.org"


@pytest.mark.parametrize(
    ("text", "variety"),
    [
        ("es-MX", "es_mx"),
        ("spa_MX", "es_mx"),
        ("pt-BR", "pt_br"),
        ("zh-Hans-SG", "zh_sg"),
        ("zh_cn", "zh_cn"),
        ("es", "es"),
        ("si_formal_spoken", "si_formal_spoken"),
        ("nan_spoken", "nan_spoken"),
        ("ja-x-casual", "ja_casual"),
        ("ur-pk", "ur_pk"),
    ],
)
def test_resolves_varieties(text: str, variety: str) -> None:
    found = registry.resolve_variety(text)
    assert found is not None
    assert found.id == variety


@pytest.mark.parametrize("text", ["pt-PT", "es-419", "eng", "id-ID", "xx-MX", ""])
def test_no_variety_is_invented(text: str) -> None:
    assert registry.resolve_variety(text) is None


def test_a_document_gets_a_variety_from_its_region_never_a_register() -> None:
    mexican = registry.regional_variety("es-MX")
    assert mexican is not None
    assert mexican.id == "es_mx"
    assert registry.regional_variety("es") is None
    assert registry.regional_variety("ja-JP") is None
    assert registry.regional_variety("id-ID-x-formal") is None


def test_importing_the_registry_loads_nothing_heavy() -> None:
    loaded = modules_loaded_by("import m4corpus.languages as l; l.get('yue')")
    assert loaded & {"torch", "numpy", "pyarrow", "fasttext", "pydantic", "regex", "datatrove"} == set()
