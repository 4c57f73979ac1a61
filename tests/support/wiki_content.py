"""What stands in the test wikis: original texts only, some written here and in ``mediawiki/``, some of the quickstart.

Pages are alike in every session: same order, same times of their revisions.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import lxml.html
import yaml

FOLDER = Path(__file__).parent / "mediawiki"
QUICKSTART = Path(__file__).parents[2] / "data" / "quickstart"

EDITIONS = ("en", "id", "ja", "zh-yue", "arz", "fr")
_START = datetime(2025, 1, 1, tzinfo=UTC)
_METHODS = ("Grilled", "Boiled", "Pickled", "Smoked", "Steamed")
_FOODS = ("maize", "cassava", "plantain", "aubergine", "breadfruit", "taro", "pumpkin", "okra", "mackerel", "sardines",
          "chestnuts", "quinces")  # fmt: skip
_INFOBOX = (
    '<includeonly>{| class="infobox"\n|+ {{{name}}}\n|-\n| colspan="2" | {{{image|}}}\n|-\n'
    '! scope="row" | {{{label|Country}}}\n| {{{country}}}\n|}</includeonly><noinclude>A box of facts.</noinclude>'
)


@dataclass(frozen=True)
class Article:
    """A page to be saved: the texts of its revisions, oldest first; deleted at the end where that is asked."""

    title: str
    texts: tuple[str, ...]
    deleted: bool = False


def family() -> dict[str, list[Article]]:
    """All pages of every wiki, in the order they are made."""
    topics = {**_quickstart(), **_dishes()}
    return {edition: _wiki(edition, topics) for edition in EDITIONS}


def as_json(articles: list[Article]) -> str:
    """The pages as ``populate.php`` reads them; every revision at a minute of its own, older texts a year earlier."""
    rows = []
    for number, article in enumerate(articles):
        latest = _START + timedelta(minutes=number)
        times = [latest - timedelta(days=365 * back) for back in range(len(article.texts))][::-1]
        revisions = [[f"{time:%Y%m%d%H%M%S}", text] for time, text in zip(times, article.texts, strict=True)]
        rows.append({"title": article.title, "revisions": revisions, "deleted": article.deleted})
    return json.dumps(rows, ensure_ascii=False)


def _wiki(edition: str, topics: dict[str, dict[str, tuple[str, str]]]) -> list[Article]:
    words = labels()[edition]
    pages = [
        Article("Template:Infobox", (_INFOBOX,)),
        Article("Template:Disambiguation", ("''A title of several pages.''\n__NOINDEX__",)),
        Article("Category:Dishes", (f"{words['site']}: {words['dish']}.",)),
        Article("Main Page", (f"'''{words['site']}'''",)),
    ]
    for topic, found in topics.items():
        if edition in found and found[edition][1]:
            title, text = found[edition]
            links = [f"[[{other}:{name}]]" for other, (name, _) in found.items() if other != edition]
            pages.append(Article(title, (*_drafts(topic, edition), "\n".join([text, *links]))))
    return pages + (_english() if edition == "en" else [])


def _drafts(topic: str, edition: str) -> tuple[str, ...]:
    """Older revisions, which some pages have."""
    if topic == "rawon":
        return (f"Rawon: first draft ({edition}).", f"Rawon: second draft ({edition}).\n== Draft ==\nMore to come.")
    return ()


def _english() -> list[Article]:
    """Pages that only the English wiki has: what is no plain article, and enough of these for two batches of 50."""
    pages = [
        Article("Kitchen measures", ((FOLDER / "markup.wiki").read_text(encoding="utf-8"),)),
        Article("Template:Formatted number", ("<b>{{{1}}}</b>",)),
        Article("Black beef soup", ("#REDIRECT [[Rawon]]",)),
        Article("Black soup of Java", ("#REDIRECT [[Black beef soup]]",)),
        Article("Keluak seed", ("#REDIRECT [[Rawon#Making]]",)),
        Article("Redirect to nowhere", ("#REDIRECT [[A page nobody wrote]]",)),
        Article("Ful", ("'''Ful''' may be:\n* [[Ful medames]], a breakfast\n* a bean\n{{Disambiguation}}",)),
        Article("Blank page", ("A text that was taken away.", "")),
        Article("Not a dish", ("This page is deleted.",), deleted=True),
        Article("Talk:Rawon", ("Is the broth black or brown? ~~~~",)),
        Article("User:Cook", ("I cook.",)),
        Article('What is a "dish"? 100% answered', ("A dish with an odd title: ?, %, quotes.",)),
        Article("Salt/Pepper + C", ("A dish of salt/pepper + vitamin C. [[yue:鹽]]",)),
    ]
    for method, food in itertools.product(_METHODS, _FOODS):
        title = f"{method} {food}"
        text = f"'''{title}''' is a plain dish of {food}, {method.lower()} over a slow fire.\n"
        pages.append(Article(title, (text + "== Use ==\nEaten with salt.\n[[Category:Dishes]]",)))
    return pages


def _dishes() -> dict[str, dict[str, tuple[str, str]]]:
    table: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "dishes.yaml").read_text(encoding="utf-8"))
    words = labels()
    topics = {}
    for topic, row in table.items():
        found = {e: (row[e][0], _dish(words[e], row["country"], *row[e])) for e in EDITIONS if e in row}
        found.update({edition: (title, "") for edition, title in row["elsewhere"].items()})
        topics[topic] = found
    return topics


def _dish(words: dict[str, str], country: str, title: str, lead: str, more: str) -> str:
    name, share, hours = words["table"].split(";")
    share = share.replace("100 g", "10<sup>2</sup> g")
    return f"""{{{{Infobox|name={title}|image=[[File:Bowl.png|frameless]]|label={words["country"]}|country={country}}}}}
'''{title}''': {lead}<ref>{words["site"]}, 1.</ref>
[[File:Bowl.png|thumb|{words["caption"]}]]
== {words["making"]} ==
{more}
=== {words["steps"]} ===
# {words["soak"]}
# {words["grind"]}
#* {words["simmer"]}
== {words["serving"]} ==
{{| class="wikitable"
! {name} !! {share} !! {hours}
|-
| {title} || 3 || 12
|}}
<blockquote>{words["quote"]}</blockquote>
[[File:Spoon.jpg|thumb]]
== {words["links"]} ==
* [[:Category:Dishes|{words["dish"]}]]
<references />
[[Category:Dishes]]"""


def labels() -> dict[str, dict[str, str]]:
    """Words each edition puts around a dish, the name of the wiki among them."""
    table: dict[str, dict[str, str]] = yaml.safe_load((FOLDER / "labels.yaml").read_text(encoding="utf-8"))
    return table


def _quickstart() -> dict[str, dict[str, tuple[str, str]]]:
    """Subjects of the quickstart by edition: title, and wikitext where the wikis serve the edition."""
    topics: dict[str, dict[str, tuple[str, str]]] = {}
    for line in (QUICKSTART / "pages.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["role"] != "page" or not row["id"].startswith("quickstart:"):
            continue
        edition, _, file = row["id"].removeprefix("quickstart:").partition("/")
        source = QUICKSTART / "html" / edition / file
        page = lxml.html.document_fromstring(source.read_bytes())
        title = (page.findtext(".//title") or "").rpartition(" - ")[0].strip()
        body = _body(page, row["markup"]) if edition in EDITIONS else None
        if title:
            text = _wikitext(body) if body is not None else ""
            topics.setdefault(row["subject"], {})[edition] = (title, text)
    return dict(sorted(topics.items()))


def _body(page: Any, markup: str) -> Any:
    """The element that holds the article, None for pages made of markup that says nothing of it."""
    if markup == "xhtml":
        return page.find(".//article")
    found = page.find_class("mw-parser-output") if markup.startswith("mediawiki") else []
    return found[0] if found else None


def _wikitext(body: Any) -> str:
    """Headings, paragraphs and list entries of a page in wikitext."""
    lines = []
    for element in body.iter("h2", "h3", "p", "li"):
        if element.xpath("ancestor::table | ancestor::figure | ancestor::*[@class='references' or @role='navigation']"):
            continue
        for note in element.xpath(".//sup[contains(@class, 'reference')] | .//*[contains(@class, 'mw-editsection')]"):
            note.drop_tree()
        text = " ".join(element.text_content().split())
        if not text:
            continue
        if element.tag == "li":
            lines.append(("# " if element.getparent().tag == "ol" else "* ") + text)
        elif element.tag == "p":
            lines += ["", text, ""]
        else:
            marks = "=" * int(element.tag[1])
            lines.append(f"{marks} {text} {marks}")
    return "\n".join([*lines, "[[Category:Dishes]]"])
