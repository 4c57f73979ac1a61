from __future__ import annotations

import pytest

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.clean.step import CleanStep
from m4corpus.ledger import Fail
from m4corpus.records import Document, Page


def page(content: str, metadata: dict[str, str] | None = None) -> Page:
    return Page("1", "s", "x#1", "text/x-wiki", content, title="Kite", metadata=metadata or {})


def clean(content: str, metadata: dict[str, str] | None = None, **options: object) -> Document:
    return clean_page(page(content, metadata), CleanConfig(**options))  # type: ignore[arg-type]


def blocks(content: str, metadata: dict[str, str] | None = None, **options: object) -> list[tuple[str, int, str]]:
    document = clean(content, metadata, **options)
    return [(block.kind, block.level, document.text[block.start : block.end]) for block in document.blocks]


def text(content: str, **options: object) -> str:
    return clean(content, **options).text


def test_headings_and_paragraphs() -> None:
    content = (
        "'''Kites''' fly\nhigh.\n\nAnd [[land]].\n== Wind ==\nStrong.\n=== In ''summer'' ===\n====== Deep ======\nX"
    )
    assert blocks(content) == [
        ("paragraph", 0, "Kites fly high."),
        ("paragraph", 0, "And land."),
        ("heading", 2, "Wind"),
        ("paragraph", 0, "Strong."),
        ("heading", 3, "In summer"),
        ("heading", 6, "Deep"),
        ("paragraph", 0, "X"),
    ]


def test_lists_nest_and_stay_together() -> None:
    content = "* a\n** b\n*# c\n* d\n\n; term : meaning\n: more\n# e\n: f"
    document = clean(content)
    assert blocks(content) == [
        ("list_item", 1, "a"),
        ("list_item", 2, "b"),
        ("list_item", 2, "c"),
        ("list_item", 1, "d"),
        ("list_item", 1, "term"),
        ("list_item", 1, "meaning"),
        ("list_item", 1, "more"),
        ("list_item", 1, "e"),
        ("list_item", 1, "f"),
    ]
    assert document.text.startswith("a\nb\nc\nd\n\nterm\nmeaning\nmore\n\ne")


def test_tables_become_rows_and_a_caption() -> None:
    content = (
        '{| class="wikitable"\n|+ style="x" | Kinds of [[kite]]\n! Name !! scope="col" | Wind\n|-\n'
        "| Delta || 4–6\n|-\n| style=\"color:red\" | ''Box'' kite\n| {{convert|10|to|20|km/h|mph}}\n|}\nAfter."
    )
    assert blocks(content) == [
        ("caption", 0, "Kinds of kite"),
        ("table_row", 0, "Name | Wind"),
        ("table_row", 0, "Delta | 4–6"),
        ("table_row", 0, "Box kite | 10 to 20 km/h"),
        ("paragraph", 0, "After."),
    ]
    assert [kind for kind, _, _ in blocks(content, tables=False)] == ["paragraph"]


def test_unbalanced_bold_in_a_cell_spoils_no_table() -> None:
    assert blocks("{|\n| a || '''b\n|-\n| c || d\n|}") == [("table_row", 0, "a | b"), ("table_row", 0, "c | d")]


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ("[[kite]]s", "kites"),
        ("[[Kite (toy)|kite]]", "kite"),
        ("[[:Category:Kites]]", "Category:Kites"),
        ("[[wikt:kite|kite]]", "kite"),
        ("[http://example.org the ''site'']", "the site"),
        ("x [http://example.org] y", "x y"),
        ("http://example.org/a", "http://example.org/a"),
        ("a[[Category:Kites]][[de:Drachen]]", "a"),
        ("H<sub>2</sub>O, 10<sup>3</sup>, x<sup>q%</sup>", "H₂O, 10³, x^(q%)"),
        ("<math>x^2 < ''y''</math>", "x^2 < ''y''"),
        ("<nowiki>[[x]] ''y'' {{z}} __NOTOC__</nowiki>", "[[x]] ''y'' {{z}} __NOTOC__"),
        ("a <!-- b --> c", "a c"),
        ("a&nbsp;b &amp;lt; &#x1F600;&#xD800;&#1;", "a b &lt; 😀"),
        ("fly<ref name=a>Book.</ref><ref name=a /> high<ref>''Odd</ref>.", "fly high."),
        ("__NOTOC__a __БЕЗ_СЪДЪРЖАНИЕ__ b {{DEFAULTSORT:Kite}} snake__case__here", "a b snake__case__here"),
        ("the ''Iliad'''s end", "the Iliad's end"),
        ("'''''both''''' and '''bold", "both and bold"),
        ("<ruby>凧<rp>(</rp><rt>たこ</rt><rp>)</rp></ruby>", "凧(たこ)"),
        ("-{zh-hans:风筝;zh-hant:風箏}-飛", "风筝飛"),
        ("-{R|風箏}--{H|zh-hans:a}-", "風箏"),
        ('a <span style="display: none">hidden</span>b', "a b"),
        ("1 < 2 & 3 > 2", "1 < 2 & 3 > 2"),
        ("漢字\nかな", "漢字かな"),
        ("a<br />b <small>c</small> <unknown>d</unknown>", "a b c d"),
        ("unclosed [[link and {{template", "unclosed [[link and {{template"),
    ],
)
def test_inline_markup(markup: str, shown: str) -> None:
    assert text(markup) == shown


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ("{{Infobox kite|name=x}}\nThe {{lang|de|Drachen}} flies.", "The Drachen flies."),
        ("{{lang-de|[[Drachen]]}} {{transl|ru|ISO|zmej}} {{nowrap|a b}}", "Drachen zmej a b"),
        ("Kite ({{IPA|kaɪt}}) and ({{IPA|x}}; born 1900) and {{cite}}, end{{cn}}.", "Kite and (born 1900) and, end."),
        ("{{frac|1|2}} {{convert|5|km|mi|abbr=on}} a{{snd}}b", "1/2 5 km a – b"),
        ("a {{{1|b}}} c", "a c"),
    ],
)
def test_templates_show_an_argument_or_nothing(markup: str, shown: str) -> None:
    assert text(markup) == shown


def test_pictures_leave_their_captions() -> None:
    content = (
        "[[File:A.jpg|thumb|left|200x100px|alt=Alt|A [[red]] kite, ''flying'']]\nText [[Image:B.png|20px]]on."
        "\n[[Bild:C.svg|miniatur|hochkant=1.2|Ein Drachen]]\n<gallery>\nFile:D.jpg|In [[Bali]]\nFile:E.jpg\n</gallery>"
    )
    assert blocks(content) == [
        ("caption", 0, "A red kite, flying"),
        ("paragraph", 0, "Text on."),
        ("caption", 0, "Ein Drachen"),
        ("caption", 0, "In Bali"),
    ]
    assert [kind for kind, _, _ in blocks(content, captions=False)] == ["paragraph"]


def test_local_names_of_namespaces_come_with_the_page() -> None:
    names = {"namespaces.6": "Файл", "namespaces.14": "Категория", "other": "kept"}
    content = "Хвърчило [[Файл:Без разширение|мини|Голямо хвърчило]] [[категория:Играчки]][[File:x|мини]]"
    assert blocks(content, names) == [("paragraph", 0, "Хвърчило"), ("caption", 0, "Голямо хвърчило")]
    assert clean(content, names).metadata == {"other": "kept"}


def test_code_quotes_and_poems() -> None:
    content = (
        "<pre>\na  ''b''\n  c\n</pre>\n<blockquote>\nSaid.\n</blockquote>\n x = 1\n y = 2\n<poem>\none\ntwo\n</poem>"
    )
    assert blocks(content) == [
        ("code", 0, "a  ''b''\n  c"),
        ("quote", 0, "Said."),
        ("code", 0, "x = 1\ny = 2"),
        ("paragraph", 0, "one two"),
    ]


def test_references_are_kept_on_request() -> None:
    content = "Fly<ref>''Book'', 1.</ref>.\n<references />"
    assert blocks(content, references=True) == [("paragraph", 0, "Fly."), ("list_item", 1, "Book, 1.")]


def test_stray_tags_are_not_text() -> None:
    assert blocks("<div>\n<ul><li>a\n<li>b\n* c</small>") == [
        ("paragraph", 0, "a"),
        ("paragraph", 0, "b"),
        ("list_item", 1, "c"),
    ]


def test_the_cleaner_is_named_and_the_title_kept() -> None:
    document = clean("A kite.")
    assert (document.cleaner, document.title) == ("wikitext", "Kite")


@pytest.mark.parametrize("content", ["{{stub}}", "[[Category:Kites]]", "<!-- nothing -->", "__NOTOC__\n\n"])
def test_a_page_without_text_fails(content: str) -> None:
    with pytest.raises(Fail) as verdict:
        clean(content)
    assert verdict.value.slug == "empty-text"


@pytest.mark.parametrize(
    "content",
    ["{{a|" * 1000 + "x", "[[a|" * 3000 + "x", "''" * 20_000, "{|\n|" * 2000, "<div>" * 3000, "*" * 3000 + "x"],
)
def test_hostile_nesting_ends_soon_in_text_or_a_verdict(content: str) -> None:
    step = CleanStep(CleanConfig(time_limit_s=8))
    step.prepare()
    try:
        outcome = [document.text[-3:] for document in step.process(page(content + "\n\nend"))]
    except Fail as verdict:
        outcome = [verdict.slug]
    finally:
        step.close()
    assert outcome[0] in ("end", "too-deep", "empty-text", "timeout")
