"""The language hint of a page: what its folder, its markup or its record says, unjudged."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from m4corpus.errors import UserError
from m4corpus.identify.labels import read_hint
from m4corpus.languages import resolve

if TYPE_CHECKING:
    from m4corpus.sources.config import SourceConfig

#: Characters of a page in which its own language attribute is looked for.
HEAD_CHARS = 8192

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"<([A-Za-z][^\s/>]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>")
_ATTRIBUTE = re.compile(r"([^\s\"'>/=]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'=<>`]+)))?")
#: A language tag, as opposed to what else is found in such attributes.
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")
_HEAD_TAGS = frozenset({"html", "head", "title", "meta", "link", "base", "script", "style", "noscript", "template"})


def language_hint(wanted: str, path: str, field: str = "", markup: str = "") -> tuple[str, str]:
    """The hint and where it came from (:class:`m4corpus.records.Page`), both empty when there is none.

    ``wanted`` is :attr:`SourceConfig.language`; ``path`` the file's path within its source, ``field`` what the record
    says, ``markup`` the page if it is HTML.
    """
    if wanted == "none":
        return "", ""
    if wanted in ("auto", "path", "attribute") or wanted.startswith("field:"):
        if field.strip() and wanted != "path" and wanted != "attribute":
            return field.strip(), "field"
        if markup and wanted in ("auto", "attribute") and (found := markup_language(markup)):
            return found, "attribute"
        if wanted in ("auto", "path") and (found := path_language(path)):
            return found, "path"
        return "", ""
    return wanted, "recipe"


def check_language(source: SourceConfig) -> None:
    """Raise :class:`UserError` when a source names a fixed language that nobody knows."""
    fixed = source.language not in ("auto", "path", "attribute", "none") and not source.language.startswith("field:")
    if fixed and read_hint(source.language) is None:
        raise UserError(
            f"source '{source.name}': unknown language '{source.language}'",
            "`m4corpus languages` lists the registry's names and codes.",
        )


def path_language(path: str) -> str:
    """The first folder of a path that names a language of the registry, as it is written; empty when none does."""
    return next((folder for folder in path.split("/")[:-1] if _named(folder)), "")


def markup_language(markup: str) -> str:
    """Language an HTML page or fragment gives itself: ``lang`` of its root (or of its body), else its meta element."""
    head = _COMMENT.sub("", markup[:HEAD_CHARS])
    meta = ""
    for position, tag in enumerate(_TAG.finditer(head)):
        name, attributes = tag[1].lower(), _attributes(tag[2])
        if name in ("html", "body") or (position == 0 and name not in _HEAD_TAGS):
            for key in ("lang", "xml:lang"):
                if _LANGUAGE.fullmatch(attributes.get(key, "").strip()):
                    return attributes[key].strip()
        if name == "meta" and attributes.get("http-equiv", "").lower() == "content-language":
            meta = meta or attributes.get("content", "").strip()
        if name not in _HEAD_TAGS:
            break
    # Several languages there mean the audience, not the text.
    return meta if _LANGUAGE.fullmatch(meta) else ""


def _attributes(text: str) -> dict[str, str]:
    """Attributes of a tag by lower-case name; of equal ones the first counts, as in HTML."""
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(text):
        found.setdefault(name.lower(), double or single or bare)
    return found


@lru_cache(maxsize=4096)
def _named(folder: str) -> bool:
    return resolve(folder) is not None
