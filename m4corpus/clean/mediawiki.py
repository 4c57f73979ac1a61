"""MediaWiki's parser output, read by its own structure rather than guessed at.

Covers the legacy parser before and after 1.43 (``h2 > span.mw-headline`` and ``div.mw-heading > h2``) and Parsoid
(``section``, ``figure``), as whole pages with their skin or as bare ``action=parse`` fragments.
"""

from __future__ import annotations

import re
from itertools import islice

from m4corpus.clean.blocks import Blocks
from m4corpus.clean.config import CleanConfig
from m4corpus.clean.flow import Flow, Role, Watch, tag_role
from m4corpus.clean.parse import Element, classes, is_styled_away
from m4corpus.clean.unicode import clean_prose
from m4corpus.ledger import Fail

# Classes of what surrounds an article rather than belongs to it.
_FURNITURE = (
    "mw-editsection mw-editsection-like mw-jump-link mw-jump-to-nav mw-indicators mw-indicator mw-redirectedfrom"
    " mw-cite-backlink mw-empty-elt mw-ext-cite-error mw-headline-number mw-pt-languages mw-hidden-catlinks"
    " mw-authority-control toc toclimit navbox navbox-styles navbox-inner vertical-navbox navbar sidebar"
    " authority-control catlinks printfooter noprint metadata ambox tmbox ombox cmbox fmbox dmbox imbox mbox-small"
    " sistersitebox sister-box portal portalbox portal-bar magnify Z3988 error"
    " geo geo-default geo-nondefault geo-multi-punct geo-inline geo-inline-hidden geo-dms geo-dec ext-phonos"
)
_FURNITURE_IDS = "coordinates toc catlinks siteNotice siteSub contentSub jump-to-nav mw-navigation"
FURNITURE, FURNITURE_IDS = frozenset(_FURNITURE.split()), frozenset(_FURNITURE_IDS.split())
_REFERENCES = frozenset({"references", "mw-references-wrap", "reflist", "refbegin-columns"})
_HATNOTES = frozenset({"hatnote", "dablink", "rellink", "navigation-not-searchable"})
CAPTIONS = frozenset({"thumbcaption", "gallerytext", "gallerycaption"})
_DISPLAY_STYLE = re.compile(r"^\{\\(?:display|text)style\s*(.*)\}$", re.DOTALL)
_REVISION = re.compile(r'"wgRevisionId"\s*:\s*([1-9][0-9]*)')
_PARSOID_REVISION = re.compile(r"Special:Redirect/revision/([1-9][0-9]*)")
_SITE_SUFFIX = re.compile(r"\s+[-–—]\s+[^-–—]+$")

_OUTPUT = "mw-parser-output"


def is_mediawiki(root: Element) -> bool:
    """Whether a parsed page was made by MediaWiki's parser: its wrapper, its content area, or Parsoid's own marks."""
    if _outputs(root):
        return True
    generator = " ".join(root.xpath("//meta[@name='generator']/@content"))
    if generator.startswith("MediaWiki") and root.xpath("boolean(//*[@id='mw-content-text' or @id='bodyContent'])"):
        return True
    return bool(root.xpath("boolean(/html[contains(@prefix, 'mw: ')] | //section[@data-mw-section-id])"))


def clean_mediawiki(root: Element, config: CleanConfig, watch: Watch | None = None) -> Blocks:
    """Blocks of the article in ``root``, ``watch`` told how they came; raises ``Fail("empty-text")`` without text."""
    blocks = Blocks()
    flow = mediawiki_flow(blocks, config, watch)
    for content in _content(root):
        flow.walk(content)
    if not len(blocks):
        raise Fail("empty-text", "no text in the content area")
    return blocks


def mediawiki_flow(blocks: Blocks, config: CleanConfig, watch: Watch | None = None) -> Flow:
    """The walk that knows what MediaWiki's classes mean."""
    skipped = FURNITURE
    if not config.references:
        skipped |= _REFERENCES
    if not config.hatnotes:
        skipped |= _HATNOTES

    def role_of(element: Element) -> Role:
        return _role(element, skipped)

    return Flow(blocks, role_of, _formula, tables=config.tables, captions=config.captions, watch=watch)


def mediawiki_title(root: Element) -> str:
    """Title the page shows: its first heading, else its title element without the site's name, else nothing."""
    for heading in root.xpath("//h1[@id='firstHeading']"):
        return clean_prose(heading.text_content())
    for title in root.xpath("//head/title"):
        text = clean_prose(title.text or "")
        # Only a skin appends the site's name; Parsoid's title is the page's own.
        skin = root.xpath("boolean(//meta[@name='generator'] | //*[@id='mw-content-text'])")
        return _SITE_SUFFIX.sub("", text) if skin else text
    return ""


def mediawiki_revision(root: Element) -> str:
    """Revision id the page declares in its configuration script or, by Parsoid, on its root; empty when it does not."""
    for script in root.iter("script"):
        if script.text and (found := _REVISION.search(script.text)):
            return found[1]
    found = _PARSOID_REVISION.search(root.get("about") or "")
    return found[1] if found else ""


def _content(root: Element) -> list[Element]:
    """What holds the article, the most telling mark first; a skin has several of them, one inside the other."""
    return (
        root.xpath("//*[@id='mw-content-text']")
        or _outputs(root)
        or root.xpath("//*[@id='bodyContent']")
        or root.xpath("//body")
        or [root]
    )


def _outputs(root: Element) -> list[Element]:
    """The parser's wrappers, without those inside others."""
    marked = [e for e in root.xpath(f"//*[contains(@class, '{_OUTPUT}')]") if _OUTPUT in classes(e)]
    return [e for e in marked if not any(_OUTPUT in classes(above) for above in e.iterancestors())]


def _role(element: Element, skipped: frozenset[str]) -> Role:
    if is_styled_away(element) or element.get("hidden") is not None:
        return Role.SKIP
    role = tag_role(element)
    if role is Role.SKIP or element.get("id") in FURNITURE_IDS:
        return Role.SKIP
    names = classes(element)
    if not names:
        return role
    if not skipped.isdisjoint(names) or _is_missing_picture(element, names):
        return Role.SKIP
    if role is Role.SUPERSCRIPT and ("reference" in names or "mw-ref" in names):
        return Role.SKIP
    if not CAPTIONS.isdisjoint(names):
        return Role.CAPTION
    if "gallery" in names or "gallerybox" in names:
        return Role.BLOCK
    return role


def _is_missing_picture(element: Element, names: list[str]) -> bool:
    """Whether this stands where a picture would, had anybody uploaded its file; its caption is elsewhere.

    Up to 1.39 it is a link to where files are uploaded, titled as the file's page (``[[Media:X|text]]``, a link of the
    text to the same place, is titled without the namespace), and in galleries the file's bare name.
    """
    if "mw-broken-media" in names:
        return True
    if element.tag == "a":
        return "new" in names and "wpDestFile=" in (element.get("href") or "") and ":" in (element.get("title") or "")
    if element.tag == "div" and "thumb" in names and not len(element):
        return any("gallerybox" in classes(above) for above in islice(element.iterancestors(), 2))
    return False


def _formula(element: Element) -> str | None:
    """TeX source of a formula, whose MathML is hidden and whose image has no text."""
    if element.tag != "span" or "mwe-math-element" not in classes(element):
        return None
    for source in element.xpath(".//@alttext | .//img/@alt"):
        found = _DISPLAY_STYLE.match(source.strip())
        return found[1].strip() if found else source.strip()
    return None
