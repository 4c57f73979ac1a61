"""Removes lines that stand in the flow of an article and are no part of it: credits, links to other articles.

A guesser of main text judges boxes; a paragraph in the middle of the text that only says where to read more, or whose
picture it was, passes with the box.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from m4corpus.clean.flow import HEADINGS
from m4corpus.clean.parse import Element
from m4corpus.clean.unicode import inked

#: Longest credit and longest label of links, in characters.
_CREDIT_LENGTH, _LABEL_LENGTH = 80, 80
#: A line of links has so many characters in its links at least and so many beside them at most, white space aside.
_LINK, _BESIDE_LINKS = 20, 20
#: ... and its links are such a share of it.
_LINKED = 0.6
_LABEL_ENDS = (":", "：", "»", ">", "→")
# A word for pictures, for who made or owns them, and a mark that what follows is a name.
_CREDIT = re.compile(
    r"[\s(\[]*(?:©|\(c\)\s|(?:[\w-]+ )?"
    r"(?:copyright|(?:foto|photo|image)?-?credits?|cr[eé]ditos?|cr[eé]dits?|photos?|fotos?|images?|imagens?|imagen|immagine"
    r"|bild(?:er|quellen?|nachweise?|rechte)?|titelbild|beitragsbild|kuva|kép|foto's|zdjęcie|фото|снимка|φωτογραφία|תמונה|صورة|عکس"
    r"|写真|图片来源|圖片來源|사진)"
    r"(?: (?:by|via|credits?|courtesy of|photos?|de|von|par|di|av|af))?\s*[:：/©|])",
    re.IGNORECASE,
)


def drop_asides_in_text(body: Element) -> None:
    """Remove credits of pictures and paragraphs that are but links, with the label over them, in place.

    The latter stay on a page that has more of them than of other paragraphs. Linear in the size of ``body``.
    """
    for line in list(body.iter("p", "figcaption")):
        if _is_credit(line) or (line.tag == "figcaption" and _is_advertised(line)):
            line.drop_tree()
    lines, linked, plain = [], 0, 0
    for line in body.iter("p"):
        everything = inked("".join(line.itertext()))
        inside = sum(inked("".join(link.itertext())) for link in line.iter("a") if link.get("href"))
        plain += everything - inside
        if inside >= _LINK and everything - inside <= _BESIDE_LINKS and inside >= _LINKED * everything:
            lines.append(line)
            linked += inside
    if linked > plain:
        return
    gone = dict.fromkeys(lines)
    for line in lines:
        above = line.getprevious()
        if above is not None and above not in gone and _is_label(above):
            gone[above] = None
    for line in gone:
        if line.getparent() is not None:
            line.drop_tree()


def _is_credit(line: Element) -> bool:
    text = " ".join("".join(line.itertext()).split())
    return len(text) <= _CREDIT_LENGTH and _CREDIT.match(text) is not None


def _is_advertised(caption: Element) -> bool:
    """Whether the picture of a caption links to the front page of a site, as advertisements do."""
    figure = next(caption.iterancestors("figure"), None)
    if figure is None:
        return False
    for picture in figure.iter("img"):
        for link in picture.iterancestors("a"):
            try:
                address = urlsplit(link.get("href") or "")
            except ValueError:
                continue
            return bool(address.netloc) and address.path in ("", "/")
    return False


def _is_label(line: Element) -> bool:
    if (line.tag != "p" and line.tag not in HEADINGS) or inked(line.tail):
        return False
    text = " ".join("".join(line.itertext()).split())
    if not 0 < len(text) <= _LABEL_LENGTH:
        return False
    bold = sum(inked("".join(part.itertext())) for part in line.iter("b", "strong"))
    return line.tag in HEADINGS or text.endswith(_LABEL_ENDS) or bold >= inked(text)
