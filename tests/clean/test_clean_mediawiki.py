from __future__ import annotations

import pytest

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.ledger import Fail
from m4corpus.records import Document, Page

EDIT = '<span class="mw-editsection"><span>[</span><a href="/edit">edit</a><span>]</span></span>'


def clean(html: str, config: CleanConfig | None = None, **fields: str) -> Document:
    page = Page(id="1", source="test", locator="a.html", media_type="text/html", content=html, **fields)
    return clean_page(page, config or CleanConfig())


def blocks(document: Document) -> list[tuple[str, int, str]]:
    return [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]


def parsed(inner: str, config: CleanConfig | None = None) -> list[tuple[str, int, str]]:
    document = clean(f'<div class="mw-content-ltr mw-parser-output" lang="en" dir="ltr">{inner}</div>', config)
    assert document.cleaner == "mediawiki"
    return blocks(document)


def old_heading(level: int, text: str) -> str:
    return f'<h{level}><span class="mw-headline" id="x">{text}</span>{EDIT}</h{level}>'


def new_heading(level: int, text: str) -> str:
    return f'<div class="mw-heading mw-heading{level}"><h{level} id="x">{text}</h{level}>{EDIT}</div>'


BODY = (
    "<p>The <b>kite</b> flies.</p>{h2}<p>Old kites.</p>{h3}<ul><li>Japan</li><li>Korea</li></ul>"
    '<div class="wrapper"><div>{h2b}<p>Deep text.</p></div></div>'
)


def test_both_heading_markups_give_equal_blocks() -> None:
    old = parsed(BODY.format(h2=old_heading(2, "History"), h3=old_heading(3, "Asia"), h2b=old_heading(2, "Uses")))
    new = parsed(BODY.format(h2=new_heading(2, "History"), h3=new_heading(3, "Asia"), h2b=new_heading(2, "Uses")))
    assert old == new
    assert old == [
        ("paragraph", 0, "The kite flies."),
        ("heading", 2, "History"),
        ("paragraph", 0, "Old kites."),
        ("heading", 3, "Asia"),
        ("list_item", 1, "Japan"),
        ("list_item", 1, "Korea"),
        ("heading", 2, "Uses"),
        ("paragraph", 0, "Deep text."),
    ]


def test_parsoid_sections_give_the_same_blocks() -> None:
    html = (
        '<!DOCTYPE html><html prefix="dc: http://purl.org/dc/terms/ mw: http://mediawiki.org/rdf/"'
        ' about="https://en.wikipedia.org/wiki/Special:Redirect/revision/1234"><head><title>Kite (toy)</title></head>'
        '<body lang="en" class="mw-content-ltr mw-body-content parsoid-body"><section data-mw-section-id="0">'
        '<p id="mwAg">The <b>kite</b> flies.<sup about="#mwt1" class="mw-ref reference"'
        ' typeof="mw:Extension/ref">[1]</sup></p>'
        '</section><section data-mw-section-id="1"><h2 id="History">History</h2><p>Old kites.</p></section>'
        "</body></html>"
    )
    document = clean(html)
    assert document.cleaner == "mediawiki"
    assert (document.title, document.revision) == ("Kite (toy)", "1234")
    assert blocks(document) == [
        ("paragraph", 0, "The kite flies."),
        ("heading", 2, "History"),
        ("paragraph", 0, "Old kites."),
    ]


SKIN = """<!DOCTYPE html><html lang="en"><head><meta charset="UTF-8"><title>Kite (toy) - Wikipedia</title>
<meta name="generator" content="MediaWiki 1.39.4">
<script>RLCONF={{"wgPageName":"Kite","wgCurRevisionId":99,"wgRevisionId":77}};</script></head>
<body><div id="mw-navigation"><ul><li>Main page</li></ul></div><div id="siteNotice">Donate!</div>
<div id="content" class="mw-body">{heading}
<div id="bodyContent"><div id="siteSub">From Wikipedia</div><div id="mw-content-text">
<div class="mw-parser-output"><p>The kite flies.</p>
<div id="toc" class="toc"><h2>Contents</h2><ul><li>1 History</li></ul></div><p>It lands.</p></div>
<div class="printfooter">Retrieved from</div></div>
<div id="catlinks" class="catlinks">Categories: Kites</div></div></div><div id="footer">Privacy</div></body></html>"""


def test_a_whole_page_loses_its_skin() -> None:
    document = clean(SKIN.format(heading='<h1 id="firstHeading" class="firstHeading"><i>Kite</i> (toy)</h1>'))
    assert document.title == "Kite (toy)"
    assert document.revision == "77"
    assert document.text == "The kite flies.\n\nIt lands."


def test_title_without_first_heading_loses_the_site_name() -> None:
    assert clean(SKIN.format(heading=""), title="from the source").title == "Kite (toy)"


def test_the_source_knows_the_revision_and_title_when_the_page_does_not() -> None:
    html = '<div class="mw-parser-output"><p>x</p></div>'
    document = clean(html, title="Kite", revision="5", url="https://example.org/k")
    assert (document.title, document.revision, document.url) == ("Kite", "5", "https://example.org/k")
    assert clean(SKIN.format(heading=""), revision="5").revision == "5"


@pytest.mark.parametrize(
    "figure",
    [
        '<figure class="mw-default-size" typeof="mw:File/Thumb"><a href="a.jpg"><img src="a.jpg"></a></figure>',
        '<figure typeof="mw:File/Thumb"><a href="a.jpg"><img src="a.jpg"></a><figcaption></figcaption></figure>',
        '<div class="thumb tright"><div class="thumbinner"><a href="a.jpg"><img src="a.jpg"></a></div></div>',
    ],
)
def test_a_figure_without_caption_loses_nothing_else(figure: str) -> None:
    assert parsed(f"<p>Before.</p>{figure}<p>After.</p>") == [("paragraph", 0, "Before."), ("paragraph", 0, "After.")]


@pytest.mark.parametrize(
    "figure",
    [
        '<figure typeof="mw:File/Thumb"><a href="a"><img></a><figcaption>A <i>red</i> kite</figcaption></figure>',
        '<div class="thumb tright"><div class="thumbinner"><a href="a"><img src="a"></a><div class="thumbcaption">'
        '<div class="magnify"><a href="b" title="Enlarge">Enlarge</a></div>A <i>red</i> kite</div></div></div>',
        '<ul class="gallery mw-gallery-traditional"><li class="gallerybox"><div class="thumb"><img src="a"></div>'
        '<div class="gallerytext">A <i>red</i> kite</div></li></ul>',
    ],
)
def test_captions_in_every_markup(figure: str) -> None:
    assert parsed(f"<p>Text.</p>{figure}") == [("paragraph", 0, "Text."), ("caption", 0, "A red kite")]
    assert parsed(f"<p>Text.</p>{figure}", CleanConfig(captions=False)) == [("paragraph", 0, "Text.")]


UPLOAD = '<a href="/wiki/Special:Upload?wpDestFile=X.jpg" class="new" title="{title}">{text}</a>'
MISSING = UPLOAD.format(title="Berkas:X.jpg", text="{text}")
MISSING_SPAN = '<span typeof="mw:Error mw:File"><a href="./X.jpg"><span class="mw-broken-media">X.jpg</span></a></span>'


@pytest.mark.parametrize(
    "figure",
    [
        '<div class="thumb tright"><div class="thumbinner">'
        + MISSING.format(text="Berkas:X.jpg")
        + "{caption}</div></div>",
        '<ul class="gallery"><li class="gallerybox"><div><div class="thumb" style="height: 150px;">X.jpg</div>{caption}'
        "</div></li></ul>",
        '<figure typeof="mw:Error mw:File/Thumb"><a href="/u" class="new">'
        '<span class="mw-file-element mw-broken-media">File:X.jpg</span></a>{caption}</figure>',
        '<ul class="gallery"><li class="gallerybox"><div class="thumb">' + MISSING_SPAN + "</div>{caption}</li></ul>",
    ],
)
def test_a_missing_picture_leaves_its_caption(figure: str) -> None:
    caption = '<div class="thumbcaption">A kite</div>'
    assert parsed("<p>Text.</p>" + figure.format(caption=caption)) == [
        ("paragraph", 0, "Text."),
        ("caption", 0, "A kite"),
    ]
    assert parsed("<p>Text.</p>" + figure.format(caption="")) == [("paragraph", 0, "Text.")]


def test_missing_pictures_in_a_line_go_and_links_to_missing_pages_stay() -> None:
    assert parsed(f"<p>A {MISSING.format(text='tooltip')} and {MISSING_SPAN} kite.</p>") == [
        ("paragraph", 0, "A and kite.")
    ]
    link = '<a href="/w/index.php?title=Talk:X&amp;action=edit&amp;redlink=1" class="new" title="Talk:X">talk</a>'
    media = UPLOAD.format(title="X.jpg", text="file")
    assert parsed(f"<p>A {link} and a {media}.</p>") == [("paragraph", 0, "A talk and a file.")]


def test_nested_and_definition_lists() -> None:
    html = (
        "<ul><li>Asia<ul><li>Japan<ol><li>Osaka</li></ol></li><li>Korea</li></ul></li><li><p>Europe</p></li></ul>"
        "<p>So.</p><dl><dt>Kite</dt><dd>A toy<dl><dd>Or a bird</dd></dl></dd></dl>"
    )
    document = clean(f'<div class="mw-parser-output">{html}</div>')
    assert blocks(document) == [
        ("list_item", 1, "Asia"),
        ("list_item", 2, "Japan"),
        ("list_item", 3, "Osaka"),
        ("list_item", 2, "Korea"),
        ("list_item", 1, "Europe"),
        ("paragraph", 0, "So."),
        ("list_item", 1, "Kite"),
        ("list_item", 1, "A toy"),
        ("list_item", 2, "Or a bird"),
    ]
    assert document.text == "Asia\nJapan\nOsaka\nKorea\nEurope\n\nSo.\n\nKite\nA toy\nOr a bird"


def test_tables_and_infoboxes_are_rows() -> None:
    html = (
        '<table class="infobox vcard"><caption>Rokkaku</caption><tbody><tr><th colspan="2">Rokkaku kite</th></tr>'
        '<tr><td colspan="2"><a href="x"><img src="x"></a></td></tr>'
        '<tr><th scope="row">Origin</th><td>Japan<br>Niigata</td></tr>'
        "<tr><th>Parts</th><td><ul><li>sail</li><li>spar</li></ul></td></tr></tbody></table>"
        '<table class="wikitable"><thead><tr><th>Year</th><th>Height</th></tr></thead>'
        "<tbody><tr><td>1919</td><td>9,740 m</td></tr></tbody></table>"
    )
    document = clean(f'<div class="mw-parser-output">{html}</div>')
    assert document.text == (
        "Rokkaku\n\nRokkaku kite\nOrigin | Japan Niigata\nParts | sail spar\n\nYear | Height\n1919 | 9,740 m"
    )
    assert [b.kind for b in document.blocks] == ["caption"] + ["table_row"] * 5
    with pytest.raises(Fail, match="empty-text"):
        parsed(html, CleanConfig(tables=False))


def test_a_layout_table_is_read_as_blocks() -> None:
    inner = "<table><tr><td>a</td><td>b</td></tr></table>"
    html = f"<table><tr><td>Year</td><td><h2>News</h2><p>One.</p>{inner}</td></tr></table>"
    assert parsed(html) == [
        ("table_row", 0, "Year"),
        ("heading", 2, "News"),
        ("paragraph", 0, "One."),
        ("table_row", 0, "a | b"),
    ]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("10<sup>3</sup> m", "10³ m"),
        ("10<sup>−3</sup>", "10⁻³"),
        ("CO<sub>2</sub>", "CO₂"),
        ("XIX<sup>e</sup> siècle", "XIXᵉ siècle"),
        ("x<sup>α+1</sup>", "x^(α+1)"),
        ("x<sub>α</sub>", "x_(α)"),
        ("y<sup>²</sup>", "y²"),
        ("z<sup> </sup>", "z"),
    ],
)
def test_superscripts_and_subscripts_stay_readable(markup: str, text: str) -> None:
    assert parsed(f"<p>{markup}</p>") == [("paragraph", 0, text)]
    assert parsed(f"<table><tr><td>{markup}</td></tr></table>") == [("table_row", 0, text)]


@pytest.mark.parametrize(
    "furniture",
    [
        '<sup id="cite_ref-1" class="reference"><a href="#cite_note-1">[1]</a></sup>',
        '<sup class="noprint Inline-Template">[<i>citation needed</i>]</sup>',
        '<style data-mw-deduplicate="x">.a{color:red}</style>',
        '<span style="color:red; display : none">hidden</span>',
        '<span hidden="">hidden</span>',
        '<span id="coordinates">1°N 2°E</span>',
        "<script>var a</script>",
    ],
)
def test_inline_furniture_goes(furniture: str) -> None:
    assert parsed(f"<p>The kite{furniture} flies.</p>") == [("paragraph", 0, "The kite flies.")]


@pytest.mark.parametrize(
    "furniture",
    [
        '<div class="hatnote navigation-not-searchable" role="note">For other uses, see Kite.</div>',
        '<table class="box-stub plainlinks metadata ambox"><tr><td>This needs work.</td></tr></table>',
        '<div class="navbox"><table><tr><td>Toys</td></tr></table></div>',
        '<div class="mw-references-wrap"><ol class="references"><li id="cite_note-1">Smith 1990.</li></ol></div>',
        '<table class="sistersitebox"><tr><td>Wikimedia Commons has media</td></tr></table>',
        '<p class="mw-empty-elt"></p>',
    ],
)
def test_block_furniture_goes(furniture: str) -> None:
    assert parsed(f"<p>Before.</p>{furniture}<p>After.</p>") == [
        ("paragraph", 0, "Before."),
        ("paragraph", 0, "After."),
    ]


def test_references_and_hatnotes_can_be_kept() -> None:
    html = '<div class="hatnote">See Bird.</div><p>Kite.</p><ol class="references"><li>Smith 1990.</li></ol>'
    kept = parsed(html, CleanConfig(references=True, hatnotes=True))
    assert kept == [("paragraph", 0, "See Bird."), ("paragraph", 0, "Kite."), ("list_item", 1, "Smith 1990.")]


def test_quotes_and_code() -> None:
    html = (
        '<blockquote class="templatequote"><p>It flew.</p><div><cite>Franklin</cite></div></blockquote>'
        '<div class="mw-highlight" dir="ltr"><pre><span></span><span class="k">def</span> f():\n'
        "    <span>return</span> 1\n</pre></div><p>Done.</p>"
    )
    assert parsed(html) == [
        ("quote", 0, "It flew."),
        ("quote", 0, "Franklin"),
        ("code", 0, "def f():\n    return 1"),
        ("paragraph", 0, "Done."),
    ]


def test_a_formula_is_its_source() -> None:
    math = (
        '<span class="mwe-math-element"><span class="mwe-math-mathml-inline" style="display: none;">'
        '<math alttext="{\\displaystyle E=mc^{2}}"><mi>E</mi></math></span><img alt="{\\displaystyle E=mc^{2}}"></span>'
    )
    assert parsed(f"<p>So {math}.</p>") == [("paragraph", 0, "So E=mc^{2}.")]


def test_loose_text_and_line_breaks_make_paragraphs_apart_from_blocks() -> None:
    assert parsed("Loose <b>text</b><br>line<div>Block</div>tail") == [
        ("paragraph", 0, "Loose text line"),
        ("paragraph", 0, "Block"),
        ("paragraph", 0, "tail"),
    ]


def test_ruby_text_stands_in_parentheses() -> None:
    assert parsed("<p><ruby>凧<rp>(</rp><rt>たこ</rt><rp>)</rp></ruby>だ</p>") == [("paragraph", 0, "凧(たこ)だ")]


def test_a_page_without_text_fails() -> None:
    with pytest.raises(Fail) as caught:
        parsed('<div class="navbox">Toys</div>')
    assert caught.value.slug == "empty-text"


def test_mediawiki_words_in_the_text_do_not_make_a_mediawiki_page() -> None:
    html = '<html><body><p>Use class="mw-parser-output" and MediaWiki.</p></body></html>'
    assert clean(html).cleaner == "generic"


def test_everything_nested_as_deep_as_allowed_is_read() -> None:
    depth = 250
    html = '<div class="mw-parser-output">' + "<div>" * depth + "deep" + "</div>" * depth + "</div>"
    assert clean(html).text == "deep"
