"""Small MediaWiki dumps, written as the export schema has them."""

from __future__ import annotations

import bz2
from collections.abc import Sequence
from html import escape

NAMESPACES = {-2: "Média", 0: "", 1: "Discussion", 6: "Fichier", 14: "Catégorie"}


def siteinfo(base: str = "https://fr.wikipedia.org/wiki/Accueil", dbname: str = "frwiki") -> str:
    names = "".join(
        f'<namespace key="{key}" case="first-letter">{name}</namespace>' for key, name in NAMESPACES.items()
    )
    return (
        f"<siteinfo><sitename>Wikipédia</sitename><dbname>{dbname}</dbname><base>{base}</base>"
        f"<generator>MediaWiki 1.43</generator><namespaces>{names}</namespaces></siteinfo>\n"
    )


def revision(
    text: str, id: int = 7, time: str = "2026-01-02T03:04:05Z", model: str = "wikitext", more: str = ""
) -> str:
    format = "text/x-wiki" if model == "wikitext" else "text/css"
    return (
        f"<revision><id>{id}</id><timestamp>{time}</timestamp><contributor><username>A</username><id>99</id>"
        f"</contributor><comment>c</comment><origin>{id}</origin><model>{model}</model><format>{format}</format>"
        f'<text bytes="{len(text.encode())}" xml:space="preserve"{more}>{escape(text)}</text><sha1>x</sha1></revision>'
    )


def page(id: int, title: str, *revisions: str, ns: int = 0, redirect: str = "") -> str:
    target = f'<redirect title="{escape(redirect)}" />' if redirect else ""
    return (
        f"  <page>\n<title>{escape(title)}</title><ns>{ns}</ns><id>{id}</id>{target}"
        f"{''.join(revisions or (revision(f'Texte de {title}.'),))}\n  </page>\n"
    )


def opening(site: str | None = None, language: str = "fr") -> str:
    return (
        f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="{language}">\n'
        f"{siteinfo() if site is None else site}"
    )


def dump(*pages: str, site: str | None = None, language: str = "fr") -> str:
    return f"{opening(site, language)}{''.join(pages)}</mediawiki>\n"


def multistream(pages: Sequence[str], together: int) -> tuple[bytes, str]:
    """A dump of one bzip2 stream for every so many pages, and its index."""
    data, index = bz2.compress(opening().encode()), []
    for start in range(0, len(pages), together):
        group = pages[start : start + together]
        index += [f"{len(data)}:{start + place}:title" for place in range(len(group))]
        data += bz2.compress("".join(group).encode())
    return data + bz2.compress(b"</mediawiki>\n"), "\n".join(index) + "\n"
