"""Captions of pictures as real wikis show them, from wikitext and from both kinds of HTML."""

from __future__ import annotations

import urllib.parse
import urllib.request

import pytest
from wikis import Wikis

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.records import Document, Page

pytestmark = pytest.mark.timeout(600)  # made anew, the wikis take a while on a slow machine

CAPTIONS = {
    "en": (
        "[[File:Spoon.jpg|thumb|right|Spoon]] [[File:Spoon.jpg|thumb|Right]] [[File:Spoon.jpg|thumb|100 g]]"
        "[[File:Spoon.jpg|thumb|E=mc²]] [[File:Spoon.jpg|thumb|upright=1.2|x120px|alt=Small|link=|None]]"
    ),
    "id": "[[Berkas:Spoon.jpg|jmpl|ka|Sendok]] [[Berkas:Spoon.jpg|jempol|kiri|lurus=1.2|al=Kecil|pra=Rawon]]",
    "ja": (
        "[[ファイル:Spoon.jpg|サムネイル|左|盛り付けた一椀]] [[File:Spoon.jpg|thumb|200ピクセル|代替文=匙|一椀]]"
        "[[File:Spoon.jpg|thumb|中央]]"
    ),
    "zh-yue": "[[File:Spoon.jpg|thumb|right|200px|一碗]] [[File:Spoon.jpg|thumb|匙羹]] [[File:Spoon.jpg|thumb|alt=匙]]",
    "arz": (
        "[[ملف:Spoon.jpg|تصغير|يسار|معلقة]] [[ملف:Spoon.jpg|مصغر|يمين]][[File:Spoon.jpg|thumb|بديل=كبيرة|وصلة=|كشري]]"
    ),
    "fr": (
        "[[Fichier:Spoon.jpg|vignette|gauche|redresse=1.2|Cuillère]] [[Fichier:Spoon.jpg|vignette|droite]]"
        "[[File:Spoon.jpg|encadré|lien=Rawon|classe=a|Base]]"
    ),
}
GALLERY = "<gallery>\nSpoon.jpg|Left|alt=A spoon\nSpoon.jpg|link=Rawon|A '''bowl'''\nSpoon.jpg|alt=Only\n</gallery>"
MISSING = (
    "Before [[File:Not there.jpg|thumb|Framed]] and [[File:Not there.jpg|20px|Tip]] and [[File:Not there.jpg]] after"
    " [[Media:Not there.jpg|the file]].\n\n[[File:Not there.jpg|frameless]]\n\n[[File:Not there.jpg|thumb]]\n"
    "<gallery>\nNot there.jpg|In a gallery\nNot there.jpg\n</gallery>\n{|\n| [[File:Not there.jpg|100px]] || cell\n|}"
)


def clean(content: str, media_type: str = "text/html") -> Document:
    return clean_page(Page("1", "s", "x", media_type, content), CleanConfig())


def rendered(wikis: Wikis, edition: str, wikitext: str) -> Document:
    answer = wikis.api(edition, action="parse", text=wikitext, contentmodel="wikitext", title="Spoons", prop="text")
    return clean(answer["parse"]["text"])


def captions(document: Document) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks if block.kind == "caption"]


@pytest.mark.parametrize("edition", CAPTIONS)
@pytest.mark.parametrize("release", ["wikis", "newer_wikis"])
def test_captions_of_wikitext_are_those_the_wiki_shows(
    release: str, edition: str, request: pytest.FixtureRequest
) -> None:
    wikitext = f"Text. {CAPTIONS[edition]}\n{GALLERY}"
    shown = captions(rendered(request.getfixturevalue(release), edition, wikitext))
    assert captions(clean(wikitext, "text/x-wiki")) == shown
    assert shown[-2:] == ["Left", "A bowl"]
    assert len(shown) >= 3


@pytest.mark.parametrize("release", ["wikis", "newer_wikis"])
def test_missing_pictures_leave_their_captions_and_no_names(release: str, request: pytest.FixtureRequest) -> None:
    document = rendered(request.getfixturevalue(release), "en", MISSING)
    assert [document.text[block.start : block.end] for block in document.blocks] == [
        "Before", "Framed", "and and after the file.", "In a gallery", "cell",
    ]  # fmt: skip


@pytest.mark.parametrize("release", ["wikis", "newer_wikis"])
def test_missing_pictures_of_parsoid(release: str, request: pytest.FixtureRequest) -> None:
    wikis: Wikis = request.getfixturevalue(release)
    address = f"{wikis.base}/en/rest.php/v1/page/{urllib.parse.quote('Kitchen measures')}/html"
    with urllib.request.urlopen(address, timeout=60) as answer:
        html = answer.read().decode()
    assert "mw-broken-media" in html
    document = clean(html)
    assert "A picture that was never uploaded" in captions(document)
    assert "Not there" not in document.text
