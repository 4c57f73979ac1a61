"""One article in the markup of three parsers, and what the record carries of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from plain_fetcher import PlainFetcher, fetching
from sources_work import read_bytes
from wikis import Wikis

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.clean.images import image_address
from m4corpus.crawl.article import article
from m4corpus.crawl.mediawiki import Pin, Wiki
from m4corpus.crawl.messages import Request
from m4corpus.ledger import Fail
from m4corpus.records import Page
from m4corpus.sources.m4rag import article_id
from m4corpus.storage.digests import canonical_json

SAVED = "2025-04-30T12:00:00Z"
URL = "https://su.wikipedia.org/wiki/Langlayangan"
THUMBS = "//upload.wikimedia.org/wikipedia/commons/thumb"
EDIT = '<span class="mw-editsection"><span>[</span><a href="/w/index.php?action=edit">edit</a><span>]</span></span>'
BACK = '<span class="mw-cite-backlink"><a href="#r">↑</a></span> <span class="reference-text">Book.</span>'

INFOBOX = (
    '<table class="infobox"><tbody><tr><th colspan="2">Kite</th></tr><tr><td colspan="2" class="infobox-image">'
    f'{{box}}<div class="infobox-caption">In the wind</div></td></tr><tr><th>Origin</th><td>'
    f'<span class="flagicon"><img src="{THUMBS}/9/9e/Flag.svg/23px-Flag.svg.png" width="23" height="15"></span> Java'
    "<br>Bali</td></tr></tbody></table>"
)
MATH = (
    '<span class="mwe-math-element"><span style="display: none;"><math alttext="{{\\displaystyle F=ma}}">'
    '</math></span><img src="/api/rest_v1/media/math/render/svg/abc" class="mwe-math-fallback-image-inline" alt="F=ma">'
    "</span>"
)
PIXEL = '<img src="//su.wikipedia.org/wiki/Special:CentralAutoLogin/start?type=1x1" width="1" height="1" alt="">'
TABLE = (
    '<table class="wikitable"><caption>Records</caption><tbody><tr><th>Year</th><th>Height</th></tr>'
    "<tr><td>1919</td><td>9,740 m</td></tr></tbody></table>"
)

#: The article with places for what the parsers write differently.
BODY = (
    f"{INFOBOX}<p>A <b>kite</b> weighs 10<sup>3</sup> g; {MATH}.{{note}}</p>{{h2_history}}{{thumb}}{{bare}}"
    "<p>Old kites.</p>{h3_asia}<ul><li>Java<ul><li>Bali</li></ul></li><li>Korea</li></ul>"
    f"<blockquote><p>Let it fly.</p></blockquote>{{h2_empty}}{{h4_uses}}{TABLE}{{gallery}}{{sound}}"
    f'<p>See <img src="/w/resources/assets/icon.png" width="90" height="90" alt="icon"> it.</p>{PIXEL}{{refs}}'
)


def old(level: int, text: str) -> str:
    return f'<h{level}><span class="mw-headline" id="x">{text}</span>{EDIT}</h{level}>'


def new(level: int, text: str) -> str:
    return f'<div class="mw-heading mw-heading{level}"><h{level} id="x">{text}</h{level}>{EDIT}</div>'


def headings(make: Any) -> dict[str, str]:
    return {
        "h2_history": make(2, "History"),
        "h3_asia": make(3, "Asia &amp; <i>beyond</i>"),
        "h2_empty": make(2, "Practice"),
        "h4_uses": make(4, "Uses"),
    }


def legacy_1_39() -> str:
    image = '<a href="/wiki/Berkas:{0}" class="image"><img alt="{1}" src="{2}" width="{3}" height="90">'
    thumb = image.format("Red.jpg", "red kite", f"{THUMBS}/a/ab/Red.jpg/220px-Red.jpg", 220)
    bare = image.format("Bare.jpg", "", "/w/images/b/bc/Bare.jpg", 200)
    one = image.format("One.jpg", "", f"{THUMBS}/c/cd/One.jpg/120px-One.jpg", 120)
    inner = BODY.format(
        **headings(old),
        box=image.format("Box.jpg", "", f"{THUMBS}/d/de/Box.jpg/250px-Box.jpg", 250) + "</a>",
        note='<sup id="r" class="reference"><a href="#n">&#91;1&#93;</a></sup>',
        thumb=f'<div class="thumb tright"><div class="thumbinner" style="width:222px;">{thumb}</a>  '
        '<div class="thumbcaption"><div class="magnify"><a href="x" title="Enlarge"></a></div>A <i>red</i> kite'
        "</div></div></div>",
        bare=f'<div class="thumb tright"><div class="thumbinner">{bare}</a></div></div>',
        gallery='<ul class="gallery mw-gallery-traditional"><li class="gallerycaption">Some kites</li><li '
        f'class="gallerybox" style="width: 155px"><div style="width: 155px"><div class="thumb"><div>{one}</a></div>'
        f'</div><div class="gallerytext"><p>First\n</p></div></div></li><li class="gallerybox"><div><div class="thumb">'
        f'<div>{one.replace("One", "Two")}</a></div></div><div class="gallerytext"></div></div></li></ul>',
        sound='<div class="thumb tright"><div class="thumbinner"><audio controls src="//x/Wind.ogg"></audio>'
        '<div class="thumbcaption">The wind</div></div></div>',
        refs=f'<div class="mw-references-wrap"><ol class="references"><li id="n">{BACK}</li></ol></div>',
    )
    return f'<div class="mw-parser-output">{inner}</div>'


def figure(image: str, caption: str) -> str:
    return f'<figure class="mw-default-size" typeof="mw:File/Thumb">{image}<figcaption>{caption}</figcaption></figure>'


def media(name: str, alt: str, src: str, width: int) -> str:
    return (
        f'<a href="./Berkas:{name}" class="mw-file-description"><img alt="{alt}" resource="./Berkas:{name}" src="{src}"'
        f' decoding="async" data-file-width="4000" data-file-height="3000" width="{width}" height="90"'
        ' class="mw-file-element"></a>'
    )


def figures(note: str, refs: str, make: Any) -> str:
    one = media("One.jpg", "", f"{THUMBS}/c/cd/One.jpg/120px-One.jpg", 120)
    item = '<li class="gallerybox"><div class="thumb"><span typeof="mw:File">{0}</span></div>{1}</li>'
    return BODY.format(
        **headings(make),
        box=f'<span typeof="mw:File">{media("Box.jpg", "", f"{THUMBS}/d/de/Box.jpg/250px-Box.jpg", 250)}</span>',
        note=note,
        thumb=figure(media("Red.jpg", "red kite", f"{THUMBS}/a/ab/Red.jpg/220px-Red.jpg", 220), "A <i>red</i> kite"),
        bare=figure(media("Bare.jpg", "", "/w/images/b/bc/Bare.jpg", 200), ""),
        gallery='<ul class="gallery mw-gallery-traditional"><li class="gallerycaption">Some kites</li>'
        + item.format(one, '<div class="gallerytext">First</div>')
        + item.format(one.replace("One", "Two"), '<div class="gallerytext"></div>')
        + "</ul>",
        sound=figure('<span><audio controls src="//x/Wind.ogg"></audio></span>', "The wind"),
        refs=refs,
    )


def legacy_1_43() -> str:
    note = '<sup id="r" class="reference"><a href="#n"><span class="cite-bracket">&#91;</span>1</a></sup>'
    refs = f'<div class="mw-references-wrap"><ol class="references"><li id="n">{BACK}</li></ol></div>'
    return f'<div class="mw-content-ltr mw-parser-output" lang="su" dir="ltr">{figures(note, refs, new)}</div>'


def parsoid() -> str:
    note = '<sup about="#mwt1" class="mw-ref reference" typeof="mw:Extension/ref"><a href="#n">[1]</a></sup>'
    refs = f'<div class="mw-references-wrap" typeof="mw:Extension/references"><ol class="references">{BACK}</ol></div>'
    inner = figures(note, refs, lambda level, text: f"</section><section><h{level}>{text}</h{level}>")
    return (
        '<!DOCTYPE html><html prefix="dc: http://purl.org/dc/terms/ mw: http://mediawiki.org/rdf/"><head>'
        '<base href="//su.wikipedia.org/wiki/"><title>Langlayangan</title></head><body class="mw-parser-output">'
        f'<section data-mw-section-id="0">{inner}</section></body></html>'
    )


MARKUPS = [legacy_1_39, legacy_1_43, parsoid]


def page(html: str, **fields: Any) -> Page:
    given = {
        "title": "Langlayangan", "url": URL, "language_hint": "su", "fetched_at": SAVED,
        "metadata": {"pageid": "42", "edition": "su"},
    }  # fmt: skip
    return Page(article_id("42", "su"), "wiki", "su:42", "text/html", html, **{**given, **fields})


def fragment(inner: str, **fields: Any) -> Page:
    return page(f'<div class="mw-parser-output">{inner}</div>', **fields)


def image(src: str, alt: str = "", caption: str = "") -> dict[str, str]:
    return {"src": src, "alt": alt, "caption": caption}


def section(heading: str, content: list[str], *images: dict[str, str]) -> dict[str, Any]:
    return {"heading": heading, "content": content, "images": list(images), "access_time": SAVED}


@pytest.mark.parametrize("markup", MARKUPS)
def test_every_parsers_markup_gives_the_same_record(markup: Any) -> None:
    thumbs = f"https:{THUMBS}"
    assert article(page(markup())) == {
        "id": "2659dc6d8d1ffe3728c7dbd8d68a0532",
        "pageid": 42,
        "title": "Langlayangan",
        "url": URL,
        "content": [
            section(
                "Introduction",
                ["Kite", "In the wind", "Origin | Java Bali", "A kite weighs 10³ g; F=ma."],
                image(f"{thumbs}/d/de/Box.jpg/250px-Box.jpg"),
            ),
            section(
                "History",
                ["Old kites."],
                image(f"{thumbs}/a/ab/Red.jpg/220px-Red.jpg", "red kite", "A red kite"),
                image("https://su.wikipedia.org/w/images/b/bc/Bare.jpg"),
            ),
            section("Asia & beyond", ["Java", "Bali", "Korea", "Let it fly."]),
            section("Practice", []),
            section(
                "Uses",
                ["Records", "Year | Height", "1919 | 9,740 m", "Some kites", "The wind", "See it."],
                image(f"{thumbs}/c/cd/One.jpg/120px-One.jpg", caption="First"),
                image(f"{thumbs}/c/cd/Two.jpg/120px-Two.jpg"),
            ),
        ],
    }


def real(wikis: Wikis, html: str = "") -> Page:
    """The page with all kinds of markup, from a real parser: the one ``html`` names, or as a skin shows it."""
    address = f"{wikis.base}/en/wiki/Kitchen_measures"

    async def fetch(fetcher: PlainFetcher) -> tuple[Pin, str]:
        wiki = Wiki(fetcher, wikis.wiki_config(**({"html": html} if html else {})))
        pin = (await wiki.pin_titles("en", ["Kitchen measures"]))["Kitchen measures"]
        assert isinstance(pin, Pin)
        if html:
            return pin, (await wiki.html("en", pin)).html
        return pin, (await fetcher.get(Request("page", address))).body.decode()

    pin, text = fetching(wikis.politeness(), fetch)
    metadata = {"pageid": str(pin.pageid), "edition": "en"}
    return Page("x", "wiki", "l", "text/html", text, "Kitchen measures", address, metadata=metadata)


def portable(wikis: Wikis, page: Page) -> Any:
    """The record, whatever port its wiki has."""
    return json.loads(json.dumps(article(page)).replace(wikis.base, "http://wiki"))


def test_every_real_parsers_markup_gives_the_same_record(wikis: Wikis, newer_wikis: Wikis) -> None:
    old_skin, new_skin = real(wikis), real(newer_wikis)
    assert 'class="mw-headline"' in old_skin.content
    assert '<div class="mw-heading mw-heading2">' in new_skin.content
    record = portable(wikis, old_skin)
    assert portable(newer_wikis, new_skin) == record
    for html in ("legacy", "parsoid"):
        assert portable(wikis, real(wikis, html)) == record
        assert portable(newer_wikis, real(newer_wikis, html)) == record

    sections = {part["heading"]: part for part in record["content"]}
    assert list(sections) == [
        "Introduction", "Spoons", "Wooden spoons", "Spoons of horn", "A table", "What people say", "Pictures", "Notes",
    ]  # fmt: skip
    lead = sections["Introduction"]
    assert "a pot of 10³ cm³ holds a litre of H₂O." in lead["content"][-1]
    assert "Country | everywhere" in lead["content"]
    bowl, spoon = "http://wiki/en/images/9/9c/Bowl.png", "http://wiki/en/images/4/45/Spoon.jpg"
    assert lead["images"] == [image(bowl, "A bowl")]
    assert sections["Spoons"]["images"] == [image(bowl, caption="A bowl with its spoon")]
    assert sections["Spoons"]["content"][:3] == ["A spoon comes in three sizes:", "tea spoon", "level"]
    assert "Cup | 240 | American" in sections["A table"]["content"]
    assert "Measure twice, taste once." in sections["What people say"]["content"]
    assert "A picture that was never uploaded" in sections["Pictures"]["content"]
    assert sections["Pictures"]["images"] == [
        image(bowl),
        image(spoon),
        image(bowl, "The bowl", "The bowl"),
        image(spoon),
    ]


def texts(page: Page) -> list[str]:
    document = clean_page(page, CleanConfig())
    return [document.text[block.start : block.end] for block in document.blocks]


def reread(record: dict[str, Any], base: Path) -> Page:
    (found,) = read_bytes(base, "su/articles.jsonl", canonical_json(record) + b"\n", format="m4rag")
    assert isinstance(found, Page)
    return found


@pytest.mark.parametrize("markup", MARKUPS)
def test_reading_the_record_again_gives_the_text_back(tmp_path: Path, markup: Any) -> None:
    original = page(markup())
    again = reread(article(original), tmp_path)
    assert (again.id, again.title, again.url) == (original.id, original.title, original.url)
    assert (again.language_hint, again.fetched_at) == ("su", SAVED)
    expected = texts(original)
    # The format's own: captions after the text of their section.
    for caption, before in (("A red kite", "Asia & beyond"), ("First", None)):
        expected.remove(caption)
        expected.insert(expected.index(before) if before else len(expected), caption)
    assert texts(again) == expected


def test_a_page_without_lead_begins_with_its_heading() -> None:
    record = article(fragment(f"{new(2, 'History')}<p>Old.</p>"))
    assert [part["heading"] for part in record["content"]] == ["History"]
    picture = f'<img src="{THUMBS}/a/aa/A.jpg" width="99" height="99">'
    record = article(fragment(f"<p>{picture}</p>{new(2, 'History')}<p>Old.</p>"))
    shown = [(part["heading"], len(part["images"])) for part in record["content"]]
    assert shown == [("Introduction", 1), ("History", 0)]


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("make", [old, new])
def test_headings_of_every_level_open_a_section_at_any_depth(make: Any, level: int) -> None:
    record = article(fragment(f"<p>Lead.</p><div><div>{make(level, 'Deep')}<p>Text.</p></div></div>"))
    assert [(part["heading"], part["content"]) for part in record["content"]] == [
        ("Introduction", ["Lead."]),
        ("Deep", ["Text."]),
    ]


def images(inner: str, **fields: Any) -> list[dict[str, str]]:
    record = article(fragment(f"<p>Text.</p>{inner}", **fields))
    return [found for part in record["content"] for found in part["images"]]


@pytest.mark.parametrize(
    "decoration",
    [
        '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" width="90" height="90">',
        '<img src="" width="90" height="90">',
        '<img alt="no source">',
        '<img src="https://[broken/a.png">',
        '<img src="ftp://example.org/a.png">',
        '<img src="//example.org/count.gif" width="1" height="1">',
        '<img src="//example.org/count.gif" width="0">',
        '<img src="//example.org/flag.png" width="32px" height="20">',
        '<img src="//su.wikipedia.org/static/images/icons/wiki.svg" width="90" height="90">',
        '<img src="/w/extensions/Score/a.png">',
        '<img src="/api/rest_v1/media/math/render/svg/abc">',
        '<img src="//example.org/f.svg" class="mwe-math-fallback-image-display">',
        '<div class="navbox"><img src="//example.org/a.png" width="90" height="90"></div>',
        '<div class="noprint"><div><img src="//example.org/a.png" width="90" height="90"></div></div>',
        '<img src="//example.org/a.png" style="display:none">',
        '<noscript><img src="//example.org/a.png"></noscript>',
    ],
)
def test_what_shows_nothing_of_the_subject_is_left_out(decoration: str) -> None:
    assert images(decoration) == []


def test_an_image_without_sizes_and_one_that_is_long_and_low_stay() -> None:
    found = images('<img src="//a.org/x.png"><img src="//a.org/y.png" width="400" height="20">')
    assert [one["src"] for one in found] == ["https://a.org/x.png", "https://a.org/y.png"]


@pytest.mark.parametrize(
    ("src", "base", "address"),
    [
        ("//upload.example.org/a.png", "http://ja.wikipedia.org/wiki/X", "https://upload.example.org/a.png"),
        ("/w/a.png", "https://ja.wikipedia.org/wiki/AC/DC", "https://ja.wikipedia.org/w/a.png"),
        ("/w/a.png", "http://127.0.0.1:8000/ja/wiki/X", "http://127.0.0.1:8000/w/a.png"),
        ("./a.png", "https://ja.wikipedia.org/wiki/X?oldid=1#y", "https://ja.wikipedia.org/wiki/a.png"),
        ("http://example.org/a b.png", "", "http://example.org/a b.png"),
        ("/w/a.png", "", ""),
        ("javascript:0", "https://ja.wikipedia.org/", ""),
    ],
)
def test_addresses_belong_to_the_pages_own_edition(src: str, base: str, address: str) -> None:
    assert image_address(src, base) == address


def test_a_base_that_the_page_declares_counts() -> None:
    html = legacy_1_43().replace("/w/images/b/bc/Bare.jpg", "./Bare.jpg")
    whole = f'<html><head><base href="//su.wikipedia.org/wiki/"></head><body>{html}</body></html>'
    record = article(page(whole, url="https://su.wikipedia.org/wiki/AC/DC"))
    assert "https://su.wikipedia.org/wiki/Bare.jpg" in json.dumps(record)


def test_a_files_name_is_no_alternative_text() -> None:
    found = images(
        f'<img src="{THUMBS}/a/aa/Red_kite_%281%29.svg/99px-Red_kite_%281%29.svg.png" alt="Red kite (1).svg">'
        '<img src="/w/images/Red.jpg" alt="Red.jpg"><img src="/w/images/Red.jpg" alt="Red">'
    )
    assert [one["alt"] for one in found] == ["", "", "Red"]


def test_an_image_in_a_heading_belongs_to_the_section_it_opens() -> None:
    picture = '<img src="//a.org/x.png" width="90" height="90">'
    record = article(fragment(f"<p>Lead.</p><h2>{picture} Uses</h2><p>Text.</p>"))
    assert [(part["heading"], len(part["images"])) for part in record["content"]] == [("Introduction", 0), ("Uses", 1)]


def test_the_caption_of_an_icon_stays_in_the_text() -> None:
    icon = '<img src="//a.org/x.png" width="20" height="20">'
    record = article(fragment(f"<p>Text.</p>{figure(icon, 'A sign')}"))
    assert record["content"] == [section("Introduction", ["Text.", "A sign"])]


def test_a_caption_of_several_blocks_is_one_line() -> None:
    photo = '<img src="//a.org/x.png" width="200" height="200">'
    record = article(fragment(f"<p>Text.</p>{figure(photo, 'Left:<ul><li>Java</li><li>Bali</li></ul><p>1919</p>')}"))
    assert record["content"] == [
        section("Introduction", ["Text."], image("https://a.org/x.png", caption="Left: Java Bali 1919"))
    ]


def test_a_caption_in_a_table_is_with_its_image_and_in_its_row() -> None:
    photo = '<img src="//a.org/x.png" width="200" height="200">'
    record = article(fragment(f"<table><tr><td>{figure(photo, 'A kite')}</td><td>1919</td></tr></table>"))
    assert record["content"] == [
        section("Introduction", ["A kite | 1919"], image("https://a.org/x.png", caption="A kite"))
    ]


def test_a_figure_without_caption_does_not_take_another_ones() -> None:
    photo = '<img src="//a.org/x.png">'
    inner = f'<div class="thumb"><figure>{photo}</figure><div class="thumbcaption">Both</div></div>'
    assert article(fragment(inner))["content"] == [section("Introduction", ["Both"], image("https://a.org/x.png"))]


def test_each_image_of_a_group_has_its_own_caption() -> None:
    single = '<div class="tsingle"><div class="thumbimage"><img src="//a.org/{0}.png"></div>{1}</div>'
    rows = single.format("a", '<div class="thumbcaption">Sail</div>') + single.format("b", "")
    group = f'<div class="thumb tmulti"><div class="thumbinner multiimageinner"><div class="trow">{rows}</div>'
    record = article(fragment(f'{group}<div class="thumbcaption">Parts</div></div></div>'))
    assert record["content"] == [
        section("Introduction", ["Parts"], image("https://a.org/a.png", "", "Sail"), image("https://a.org/b.png"))
    ]


@pytest.mark.parametrize(
    ("fields", "slug"),
    [
        ({"metadata": {}}, "missing-field"),
        ({"metadata": {"pageid": "4²"}}, "bad-field"),
        ({"media_type": "text/x-wiki"}, "unknown-media-type"),
        ({"content": '<div class="mw-parser-output"><img src="//a.org/x.png"></div>'}, "empty-text"),
        ({"content": "a\0b"}, "control-characters"),
        ({"content": "<div>" * 400 + "x"}, "too-deep"),
    ],
)
def test_pages_that_make_no_record_say_why(fields: dict[str, Any], slug: str) -> None:
    given = fragment("<p>Text.</p>")
    for name, value in fields.items():
        setattr(given, name, value)
    with pytest.raises(Fail) as caught:
        article(given)
    assert caught.value.slug == slug


def test_many_images_in_one_frame_take_linear_time() -> None:
    html = "<div class='thumb'>" * 100 + '<img src="//a.org/x.png">' * 20_000 + "</div>" * 100
    assert len(images(html)) == 20_000
