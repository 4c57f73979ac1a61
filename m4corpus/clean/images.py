"""The images of a MediaWiki article: where they stand among its blocks, and which caption is whose.

Left out are images that show nothing of the subject: formulas (their TeX is in the text), icons of up to
:data:`ICON` pixels either way (flags in tables, padlocks, edit pencils), pixels that count visits, files of the
wiki's own software, and images whose address is none (``data:``, empty).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit

from m4corpus.clean.blocks import Blocks
from m4corpus.clean.config import CleanConfig
from m4corpus.clean.flow import HEADINGS
from m4corpus.clean.mediawiki import CAPTIONS, clean_mediawiki, mediawiki_flow
from m4corpus.clean.parse import Element, classes
from m4corpus.clean.unicode import clean_prose

#: Largest width and height, in pixels, of an icon.
ICON = 32

# What a caption and its image share: the new parser's figure, the old one's boxes, items of galleries.
_FRAMES = frozenset({"thumb", "thumbinner", "gallerybox", "tsingle"})
#: Frames of one image: what has no caption in here has none.
_CLOSED = frozenset({"gallerybox", "tsingle"})
_SOFTWARE = re.compile(r"/(?:static|skins|extensions|resources)/|/media/math/|Special:CentralAutoLogin")
_PIXELS = re.compile(r"\s*([0-9]{1,6})(?:px)?\s*")


@dataclass(frozen=True, slots=True)
class Image:
    """An image with its absolute address, its alternative text and its caption (each one line, or empty).

    It stands before or in block ``place``, in it for sure where that is a heading (``in_heading``); the blocks
    ``[first, last)`` are its caption, none where the caption is missing or part of a table's row.
    """

    src: str
    alt: str
    caption: str
    place: int
    in_heading: bool
    first: int
    last: int


def mediawiki_images(root: Element, url: str, config: CleanConfig) -> tuple[Blocks, list[Image]]:
    """Blocks of the article in ``root`` and its images in reading order; ``url`` is the article's own address.

    Raises ``Fail("empty-text")`` when the article has no text.
    """
    watch = _Watch()
    blocks = clean_mediawiki(root, config, watch)
    base = _join(url, next(iter(root.xpath("//head/base/@href")), ""))
    plain = mediawiki_flow(Blocks(), config)
    images = []
    for element, place in watch.images:
        src = image_address(element.get("src") or "", base)
        if not src or _is_decoration(element, src):
            continue
        caption = watch.caption(element)
        text = clean_prose(plain.inline(caption)) if caption is not None else ""
        first, last = watch.captions.get(caption, (0, 0))
        in_heading = any(above.tag in HEADINGS for above in element.iterancestors())
        images.append(Image(src, _alternative(element, src), text, place, in_heading, first, last))
    return blocks, images


def image_address(src: str, base: str) -> str:
    """Absolute address of an image on the page at ``base``; empty where there is none on the web.

    An address without scheme (``//host/path``) is taken as https; every other one belongs to the page's own host.
    """
    src = src.strip()
    address = f"https:{src}" if src.startswith("//") else _join(base, src) if src else ""
    return address if address.startswith(("https://", "http://")) else ""


def _join(base: str, address: str) -> str:
    try:
        return urljoin(base, address)
    except ValueError:
        return ""


def _alternative(element: Element, src: str) -> str:
    """Alternative text, empty where it is the file's name, which old parsers put in place of a missing one."""
    text = clean_prose(element.get("alt") or "")
    return "" if text in {clean_prose(unquote(part).replace("_", " ")) for part in src.split("/")} else text


def _is_decoration(element: Element, src: str) -> bool:
    if any(name.startswith("mwe-math") for name in classes(element)) or _SOFTWARE.search(urlsplit(src).path):
        return True
    sizes = [_PIXELS.fullmatch(element.get(name) or "") for name in ("width", "height")]
    known = [int(size[1]) for size in sizes if size]
    return min(known, default=2) <= 1 or (len(known) == 2 and max(known) <= ICON)


class _Watch:
    """Notes images and captions as the article is read."""

    def __init__(self) -> None:
        self.images: list[tuple[Element, int]] = []
        self.captions: dict[Element, tuple[int, int]] = {}
        self._of_frame: dict[Element, Element | None] = {}

    def __call__(self, element: Element, first: int, last: int) -> None:
        if element.tag == "img":
            self.images.append((element, first))
        elif element.tag == "figcaption" or not CAPTIONS.isdisjoint(classes(element)):
            self.captions[element] = (first, last)

    def caption(self, image: Element) -> Element | None:
        """The caption of the innermost frame around ``image`` that has one."""
        for above in image.iterancestors():
            names = classes(above)
            if above.tag != "figure" and _FRAMES.isdisjoint(names):
                continue
            caption = self._inside(above)
            if caption is not None or above.tag == "figure" or not _CLOSED.isdisjoint(names):
                return caption
        return None

    def _inside(self, frame: Element) -> Element | None:
        if frame not in self._of_frame:
            self._of_frame[frame] = next((part for part in frame.iter() if part in self.captions), None)
        return self._of_frame[frame]
