"""Wikitext as dumps hold it: parsed by mwparserfromhell, laid out as HTML and read like every other markup.

Templates are not expanded, since what they say is not in the page: most are dropped (:mod:`wikitemplates` keeps those
that show an argument as it is). Files leave their captions, references their text only where the config asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from m4corpus.clean.blocks import Blocks
from m4corpus.clean.config import CleanConfig
from m4corpus.clean.flow import Flow
from m4corpus.clean.parse import parse_html
from m4corpus.clean.wikilines import BLOCK, GAP, ITEM, PREFORMATTED, close_gaps, lines_to_html
from m4corpus.clean.wikilinks import Names, caption_of, is_shown_small, kind_of
from m4corpus.clean.wikiprepare import plain, prepared
from m4corpus.clean.wikitemplates import argument_shown, text_shown
from m4corpus.ledger import Fail

#: Extensions that show something other than text, or nothing.
_SKIPPED_TAGS = (
    "ref references templatestyles indicator score timeline graph mapframe maplink imagemap inputbox section hiero"
    " includeonly categorytree charinsert languages style script rss dynamicpagelist"
)
_SKIPPED = frozenset(_SKIPPED_TAGS.split())
_FORMULAS = frozenset({"math", "chem", "ce"})
_CODE = frozenset({"pre", "syntaxhighlight", "source"})
_LISTS = frozenset({"ul", "ol", "li", "dl", "dt", "dd"})
_BOXES = _LISTS | {"div", "center", "p", "section", "article", "aside", "main", "header", "footer", "figure", "details"}
_CELLS = frozenset({"td", "th", "tr"})
_INLINE = frozenset({"sup", "sub", "ruby", "rb", "rt", "rp"})

_HIDDEN = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.IGNORECASE)
_MARKS = re.compile("[\x00-\x08]")
_PLACE = re.compile(f"{BLOCK}(\\d+){BLOCK}")
#: Deepest nesting of markup that is rendered; mwparserfromhell itself stops at about forty.
_DEPTH = 100


def clean_wikitext(content: str, config: CleanConfig, metadata: Mapping[str, str]) -> Blocks:
    """Blocks of one page; ``metadata`` may hold the local names of namespaces (:class:`Names`).

    Raises ``Fail("empty-text")`` when nothing but templates, links to categories and the like is left,
    ``Fail("too-deep")``.
    """
    import mwparserfromhell

    # Bold and italics are taken away afterwards: unbalanced ones keep the parser from seeing what is around them.
    code = mwparserfromhell.parse(prepared(content, references=config.references), skip_style_tags=True)
    markup = _Rendering(Names.of(metadata), config).page(code)
    blocks = Blocks()
    if markup:
        flow = Flow(blocks, tables=config.tables, captions=config.captions)
        flow.walk(parse_html(f"<body>{markup}</body>", config.max_depth))
    if not len(blocks):
        raise Fail("empty-text", "no text beside templates, categories and files")
    return blocks


class _Rendering:
    """Turns the nodes of one page into HTML; what is a block of its own is kept aside until all lines are known."""

    def __init__(self, names: Names, config: CleanConfig) -> None:
        self._names = names
        self._config = config
        self._aside: list[str] = []
        self._notes: list[str] = []
        self._depth = 0
        self._renderers: dict[str, Callable[[Any], str]] = {
            "Text": self._text,
            "Heading": self._heading,
            "Wikilink": self._link,
            "ExternalLink": self._external,
            "HTMLEntity": self._entity,
            "Tag": self._tag,
            "Template": self._template,
        }
        self._tags: dict[str, Callable[[Any], str]] = {
            "br": lambda node: "<br>",
            "hr": lambda node: self._keep("<hr>"),
            "nowiki": self._nowiki,
            "gallery": lambda node: self._gallery(str(node.contents or "")),
            "table": lambda node: self._keep(self._table(node.contents)),
            "poem": self._poem,
            "blockquote": self._quote,
        }

    def page(self, code: Any) -> str:
        """HTML of a whole page."""
        markup = lines_to_html(close_gaps(self._inline(code, begins=True)))
        if self._notes:
            markup += "<ol>" + "".join(f"<li>{note}</li>" for note in self._notes) + "</ol>"
        return _MARKS.sub("", self._with_blocks(markup))

    def _with_blocks(self, markup: str) -> str:
        return _PLACE.sub(lambda found: self._with_blocks(self._aside[int(found[1])]), markup)

    def _keep(self, markup: str) -> str:
        self._aside.append(markup)
        return f"{BLOCK}{len(self._aside) - 1}{BLOCK}"

    def _inline(self, code: Any, *, begins: bool = False) -> str:
        """Half-rendered lines: inline HTML, with marks for what line structure decides later."""
        if code is None:
            return ""
        self._depth += 1
        if self._depth > _DEPTH:
            raise Fail("too-deep", f"levels>{_DEPTH}")
        parts: list[str] = []
        for node in code.nodes:
            # Comments and the parameters of templates show nothing.
            part = self._renderers.get(type(node).__name__, _nothing)(node)
            if begins and not parts and part.startswith(" "):
                part = PREFORMATTED + part[1:]
            parts.append(part)
        self._depth -= 1
        return "".join(parts)

    def _flat(self, code: Any) -> str:
        """Content in one line, without line structure."""
        return close_gaps(self._inline(code).replace(PREFORMATTED, " "))

    def _lines(self, code: Any) -> str:
        """Content of a box, lists and paragraphs in it."""
        return lines_to_html(close_gaps(self._inline(code)), preformatted=False)

    def _text(self, node: Any) -> str:
        text = plain(node.value)
        return escape(text, quote=False).replace("\n ", "\n" + PREFORMATTED)

    def _heading(self, node: Any) -> str:
        level = min(max(node.level, 1), 6)
        return self._keep(f"<h{level}>{self._flat(node.title)}</h{level}>")

    def _link(self, node: Any) -> str:
        title = str(node.title)
        kind = kind_of(title, self._names)
        if kind == "none":
            return ""
        if kind == "file":
            return self._file(node.text)
        if node.text is not None:
            return self._inline(node.text)
        return self._inline(node.title).strip().removeprefix(":")

    def _file(self, code: Any) -> str:
        arguments = _split(code, "|")
        written = [str(argument) for argument in arguments]
        index = caption_of(written)
        if index is None or is_shown_small(written):
            return ""
        return self._keep(f"<figcaption>{self._lines(arguments[index])}</figcaption>")

    def _external(self, node: Any) -> str:
        if node.title is not None:
            return self._inline(node.title)
        # A bare [http://...] shows as a number.
        return "" if node.brackets else self._inline(node.url)

    def _entity(self, node: Any) -> str:
        try:
            character = str(node.normalize())
        except (ValueError, OverflowError):
            return ""
        # Numbers of control characters and of halves of surrogate pairs stand for nothing.
        visible = "".join(c for c in character if (c >= " " or c in "\t\n") and not "\ud800" <= c <= "\udfff")
        return escape(visible, quote=False)

    def _tag(self, node: Any) -> str:
        name = str(node.tag).strip().lower()
        if name == "ref" and self._config.references and node.contents is not None:
            self._notes.append(self._flat(node.contents))
        if name in _SKIPPED or _hides(node):
            return ""
        if node.wiki_markup and name in ("li", "dt", "dd"):
            return ITEM + str(node.wiki_markup)
        special = self._tags.get(name)
        return special(node) if special is not None else self._other_tag(name, node)

    def _other_tag(self, name: str, node: Any) -> str:
        if name in _FORMULAS:
            return escape(" ".join(str(node.contents).split()), quote=False)
        if name in _CODE:
            return self._code(node)
        if name in _BOXES or name in _CELLS:  # cells and rows of a table that was not closed
            tag = name if name in _LISTS else "div"
            return self._keep(f"<{tag}>{self._lines(node.contents)}</{tag}>")
        if name in _INLINE:
            return f"<{name}>{self._flat(node.contents)}</{name}>"
        return self._inline(node.contents)

    def _nowiki(self, node: Any) -> str:
        return escape(str(node.contents or ""), quote=False).replace("\n", " ")

    def _quote(self, node: Any) -> str:
        return self._keep(f"<blockquote>{self._lines(node.contents)}</blockquote>")

    def _poem(self, node: Any) -> str:
        lines = self._flat(node.contents).strip().split("\n")
        return self._keep("<p>" + "<br>".join(_without_marks(line) for line in lines) + "</p>")

    def _code(self, node: Any) -> str:
        text = escape(str(node.contents), quote=False)
        inline = node.has("inline") or (str(node.tag).lower() != "pre" and "\n" not in text.strip())
        return text.strip() if inline else self._keep(f"<pre>{text.removeprefix(chr(10))}</pre>")

    def _gallery(self, content: str) -> str:
        import mwparserfromhell

        captions = []
        for line in content.splitlines():
            _, bar, rest = line.partition("|")
            if bar and rest.strip():
                arguments = _split(mwparserfromhell.parse(rest), "|")
                index = caption_of([str(argument) for argument in arguments], in_gallery=True)
                if index is not None:
                    captions.append(f"<figcaption>{self._flat(arguments[index])}</figcaption>")
        return self._keep("".join(captions)) if captions else ""

    def _table(self, code: Any) -> str:
        caption, rows, first = "", [], []
        for node in code.nodes if code is not None else []:
            name = str(node.tag).strip().lower() if type(node).__name__ == "Tag" else ""
            if name == "tr":
                rows.append(self._row(node.contents))
            elif name == "caption":
                caption = self._lines(node.contents)
            elif name == "td" and str(node).startswith("|+"):  # mwparserfromhell takes the caption for a cell
                content = self._lines(node.contents)
                caption = content if node.attributes else content.replace("+", "", 1)
            elif name in ("td", "th"):
                first.append(self._cell(node))
        named = f"<caption>{caption}</caption>" if caption else ""
        head = f"<tr>{''.join(first)}</tr>" if first else ""
        return f"<table>{named}{head}{''.join(rows)}</table>"

    def _row(self, code: Any) -> str:
        nodes = code.nodes if code is not None else []
        cells = [
            self._cell(n) for n in nodes if type(n).__name__ == "Tag" and str(n.tag).strip().lower() in ("td", "th")
        ]
        return f"<tr>{''.join(cells)}</tr>"

    def _cell(self, node: Any) -> str:
        return "" if _hides(node) else f"<td>{self._lines(node.contents)}</td>"

    def _template(self, node: Any) -> str:
        name = " ".join(str(node.name).replace("_", " ").split()).lower()
        positional = [parameter.value for parameter in node.params if not parameter.showkey]
        shown = argument_shown(name, positional)
        if shown is not None:
            return self._inline(shown).strip()
        text = text_shown(name, [str(value) for value in positional])
        return GAP if text is None else escape(text, quote=False)


def _nothing(node: Any) -> str:
    return ""


def _without_marks(text: str) -> str:
    return re.sub(f"[{ITEM}{PREFORMATTED}]", "", text)


def _split(code: Any, mark: str) -> list[Any]:
    """Wikicode parted at ``mark`` in its own text, not within links or templates."""
    from mwparserfromhell.nodes import Text
    from mwparserfromhell.wikicode import Wikicode

    parts: list[list[Any]] = [[]]
    for node in code.nodes if code is not None else []:
        if isinstance(node, Text):
            first, *others = node.value.split(mark)
            parts[-1].append(Text(first))
            parts.extend([Text(other)] for other in others)
        else:
            parts[-1].append(node)
    return [Wikicode(part) for part in parts]


def _hides(node: Any) -> bool:
    return any(
        str(attribute.name).strip().lower() == "style" and _HIDDEN.search(str(attribute.value or ""))
        for attribute in node.attributes
    )
