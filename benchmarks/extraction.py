#!/usr/bin/env python3
"""Main text of real web pages and of MediaWiki's: F1 and pages a second beside other extractors, in one run."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import click
from extractors import Extract, Gold, Score, extractors, one_line, score
from lxml import html as lxml_html
from measure import Machine, markdown
from wikiquestions import support

#: Pages of each edition, no more than the API gives with their source at once.
PAGES = 50
#: Shortest snippet taken from a wiki page, in characters.
SHORTEST = 25
# Markup of any kind, and line ends: what stands between is in the text of the page as it stands in its source.
_MARKUP = re.compile(r"[\[\]{}<>|=*#:;'&~_\n]+|https?://\S*")


def read_gold(folder: Path) -> dict[str, Gold]:
    """Pages of a folder with ``gold.json`` (``{file: {with: [...], without: [...]}}``) and ``pages/``."""
    gold = json.loads((folder / "gold.json").read_text(encoding="utf-8"))
    return {
        name: Gold((folder / "pages" / name).read_bytes().decode("utf-8", "replace"), entry["with"], entry["without"])
        for name, entry in gold.items()
    }


def wiki_pages(wikis: Any) -> dict[str, dict[str, Gold]]:
    """Pages of the tests' wikis with their skin, and as the parser gives them.

    Wanted is every long stretch of the source without markup that the page shows, unwanted every long text of the skin.
    """
    whole: dict[str, Gold] = {}
    parsed: dict[str, Gold] = {}
    for edition in wikis.editions:
        listed = wikis.api(edition, generator="allpages", gaplimit=PAGES, gapfilterredir="nonredirects",
                           prop="revisions", rvprop="content", rvslots="main")  # fmt: skip
        for page in listed.get("query", {}).get("pages", []):
            name, source = f"{edition}/{page['title']}", page["revisions"][0]["slots"]["main"]["content"]
            address = f"{wikis.base}/{edition}/index.php?{urlencode({'title': page['title']})}"
            with urlopen(address) as answer:
                html = answer.read().decode()
            root = lxml_html.fromstring(html)
            content = root.get_element_by_id("mw-content-text")
            shown = one_line(content.text_content())
            wanted = [
                text for part in _MARKUP.split(source) if len(text := one_line(part)) >= SHORTEST and text in shown
            ]
            for script in root.xpath("//script | //style"):
                script.drop_tree()
            content.drop_tree()
            skin = [text for part in root.itertext() if len(text := one_line(part)) >= SHORTEST and text not in shown]
            if wanted:
                whole[name] = Gold(html, wanted, skin)
                fragment = wikis.api(edition, action="parse", page=page["title"], prop="text")["parse"]["text"]
                parsed[name] = Gold(fragment, wanted, ())
    return {"with the skin": whole, "the parser's output": parsed}


def table(scores: Mapping[str, Score]) -> str:
    """Scores beside those of the best setting of trafilatura."""
    best = max((s for name, s in scores.items() if name.startswith("trafilatura")), key=lambda s: s.f1)
    rows = [
        [
            name,
            f"{s.precision:.4f}",
            f"{s.recall:.4f}",
            f"{s.f1:.4f}",
            f"{s.f1 - best.f1:+.4f}",
            s.rate,
            s.rate / best.rate,
        ]
        for name, s in scores.items()
    ]
    headers = ["extractor", "precision", "recall", "F1", "to trafilatura's best", "pages/s", "times as fast"]
    return markdown(headers, rows)


@click.command(help=__doc__)
@click.option("--gold", type=click.Path(exists=True, file_okay=False, path_type=Path), help="folder of annotated pages")
@click.option("--wikis/--no-wikis", default=True, show_default=True, help="compare on the pages of the tests' wikis")
@click.option(
    "--repeats", type=click.IntRange(1), default=2, show_default=True, help="runs, of which the fastest counts"
)
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="write the numbers here too")
def main(gold: Path | None, wikis: bool, repeats: int, output: Path | None) -> None:
    machine = Machine.here()
    sets: dict[str, dict[str, Gold]] = {}
    if gold is not None:
        pages = read_gold(gold)
        names = list(pages)
        sets["Web pages"] = pages
        sets["Web pages, even ones"] = {name: pages[name] for name in names[::2]}
        sets["Web pages, odd ones"] = {name: pages[name] for name in names[1::2]}
    if wikis:
        running = support("wikis").running
        for version in ("1.39", "1.43"):
            with running(version) as served:
                for form, pages in wiki_pages(served).items():
                    sets[f"MediaWiki {version}, {form}"] = pages
    compared: dict[str, Extract] = extractors()
    print(machine.lines())
    numbers: dict[str, dict[str, Any]] = {}
    for title, pages in sets.items():
        scores = {name: score(extract, pages, repeats) for name, extract in compared.items()}
        print(f"\n### {title}: {len(pages)} pages\n\n{table(scores)}", flush=True)
        numbers[title] = {name: asdict(s) for name, s in scores.items()}
    if output is not None:
        output.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    if not sets:
        sys.exit("nothing to compare: give --gold or leave --wikis on")


if __name__ == "__main__":
    main()
