"""Measures of the quality gate: languages of documents, of sentences and of paragraphs, and varieties.

A measure is named ``<stage>/<data>/<measure>``, or with a fourth part when it is of one language, script, markup or
group. Every value is between 0 and 1, and higher is better.
"""

from __future__ import annotations

import re
import tarfile
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import cycle, islice
from pathlib import Path

import lid_labels
import lid_sets
import lid_sources
import variety_texts
from quality_data import QuickPage, catalogues, code_of, declarations, installation_guide, quickstart_pages, rows
from quality_fixtures import with_inserts
from quality_gate import Measure, Measures
from varieties import THRESHOLD, by_markers, quickstart

from m4corpus import languages as registry
from m4corpus.identify.config import IdentifyConfig
from m4corpus.identify.step import IdentifyStep
from m4corpus.identify.varieties.measure import Answer, at_threshold
from m4corpus.records import Document

#: Pages of a language of the guide, and documents of a catalogue of MediaWiki's, at most.
PAGES, MESSAGES = 40, 60
#: Editions with the one whose paragraphs are put between theirs.
NEIGHBOURING = {"br": "fr", "mn": "ru", "sc": "it", "su": "id", "yo": "en", "ga": "en", "ur": "ar", "jv": "id"}


def identify_pages() -> Measures:
    """Languages of the quickstart's pages, without a hint."""
    pages = quickstart_pages()
    return _identification("identify/pages", [(p.code, p.document) for p in pages])


def identify_queries() -> Measures:
    """Languages of the quickstart's queries: one sentence each."""
    texts = [(code_of(row["language"]), row["text"]) for row in rows("queries.jsonl")]
    return _identification("identify/queries", _documents(texts))


def identify_udhr() -> Measures:
    """Languages of the articles of the Universal Declaration of Human Rights: of the 42 alone, and with texts in the
    languages that are most easily taken for them."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(declarations()) as archive:
        archive.extractall(folder, filter="data")
        items = lid_sets.declarations(Path(folder) / "package")
    # Its only Oromo is Borana, in the common orthography.
    texts = [("gaz" if item.code == "gax" else item.code, item.text) for item in items]
    ours = {language.code for language in registry.languages()}
    near = _identification("identify/udhr", _documents(t for t in texts if t[0] in ours | lid_labels.NEIGHBOURS))
    return {
        **_identification("identify/udhr", _documents(t for t in texts if t[0] in ours)),
        "identify/udhr/macro-F1-among-neighbours": near["identify/udhr/macro-F1"],
    }


def identify_guide() -> Measures:
    """Languages of pages of Debian's installation guide, without what is left in English in them."""
    root = installation_guide()
    texts: list[tuple[str, str]] = []
    english: dict[str, set[str]] = {}
    taken: Counter[str] = Counter()
    pages = sorted(lid_sources.html_pages(root, "guide"), key=lambda page: (page[1].tag != "en", page[0]))
    for path, page in pages:
        name = Path(path).name.split(".")[0]
        if page.tag == "en":
            english[name] = set(_words(page.text))
        own = "\n".join(p for p in page.text.splitlines() if page.tag == "en" or not _left(p, english.get(name, set())))
        language = registry.resolve(page.tag.replace("_", "-"))
        # What is none of the 42 can only be taken for one of them: any name will do.
        code = language.code if language else page.tag
        if len(own) >= lid_sets.DOCUMENT and taken[code] < PAGES:
            taken[code] += 1
            texts.append((code, own))
    return _identification("identify/guide", _documents(texts))


def _left(paragraph: str, english: set[str]) -> bool:
    """Whether a paragraph is mostly of words of the English page: references in it are translated all the same."""
    words = _words(paragraph)
    return 2 * sum(word in english for word in words) > len(words)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _documents(texts: Iterable[tuple[str, str]]) -> list[tuple[str, Document]]:
    return [(code, Document(str(n), "quality", str(n), "", text)) for n, (code, text) in enumerate(texts)]


def labelled(documents: Iterable[Document]) -> list[Document]:
    # The second opinion is slow, and decides nothing.
    return list(IdentifyStep(IdentifyConfig(second_opinion_below=0)).run(iter(documents)))


def _identification(name: str, gold: Sequence[tuple[str, Document]]) -> Measures:
    found = [document.language for document in labelled(document for _, document in gold)]
    ours = {language.code for language in registry.languages()}
    return f1_by_label(name, [code for code, _ in gold], found, ours)


def f1_by_label(name: str, gold: Sequence[str], found: Sequence[str], labels: Iterable[str]) -> Measures:
    """F1 of each of the ``labels`` that is in the gold, and their mean; what is of any other label counts as taken
    wrongly where one of these is found."""
    right = Counter(g for g, f in zip(gold, found, strict=True) if g == f)
    golds, founds = Counter(gold), Counter(found)
    measures = {
        f"{name}/F1/{label}": Measure(2 * right[label] / (golds[label] + founds[label]), golds[label])
        for label in sorted(labels)
        if golds[label]
    }
    mean = sum(m.value for m in measures.values()) / len(measures)
    return {f"{name}/macro-F1": Measure(mean, sum(m.texts for m in measures.values())), **measures}


def variety_queries() -> Measures:
    """Varieties of the quickstart's queries, judged without a source."""
    return _judged("variety/queries", quickstart())


def variety_pages() -> Measures:
    """Dialects and national standards by their markers, on the quickstart's pages."""
    golds = {
        "arabic": {"ar": "ar", "arz": "arz-EG"},
        "sinitic": {"zh": "zh", "yue": "yue", "nan": "nan-Hani"},
        "malayic": {"id": "id", "ms": "ms-MY", "min": "min-ID"},
        "portuguese": {"pt": "pt-PT"},
    }
    measures: Measures = {}
    for group, varieties in golds.items():
        texts = [
            variety_texts.Text(page.document.text, _latin(page, varieties[edition]), edition, page.row["id"])
            for page in quickstart_pages()
            if (edition := page.row["language"]) in varieties
        ]
        measures |= _judged("variety/pages", by_markers(group, texts), group)
    return measures


def _latin(page: QuickPage, variety: str) -> str:
    return "nan-Latn" if page.row["variety"] == "nan-Latn" else variety


def variety_messages() -> Measures:
    """The same on documents made of MediaWiki's messages."""
    folder = catalogues()
    measures: Measures = {}
    for group, varieties in variety_texts.CATALOGUES.items():
        texts = [
            text
            for source, gold in varieties.items()
            for text in _spread(list(variety_texts.messages(folder, {source: gold}, documents=True)), MESSAGES)
        ]
        measures |= _judged("variety/messages", by_markers(group, texts), group)
    return measures


def _spread(texts: list[variety_texts.Text], number: int) -> list[variety_texts.Text]:
    return texts[:: max(1, len(texts) // number)][:number]


def _judged(name: str, answers: Sequence[Answer], group: str = "") -> Measures:
    """Coverage, and the accuracy of what is answered, at the threshold of a recipe that says nothing else."""
    point = at_threshold(answers, THRESHOLD)
    suffix = f"/{group}" if group else ""
    given = round(point.coverage * len(answers))
    return {
        f"{name}/accuracy{suffix}": Measure(point.accuracy, given),
        f"{name}/coverage{suffix}": Measure(point.coverage, len(answers)),
    }


def mixed_documents() -> Measures:
    """Paragraphs of another language put into the quickstart's pages, and pages that have none."""
    by_edition: dict[str, list[QuickPage]] = defaultdict(list)
    for page in quickstart_pages():
        if page.row["role"] == "page":
            by_edition[page.row["language"]].append(page)
    guests = {edition: [b for page in pages for b in _long(page)] for edition, pages in by_edition.items()}
    english = cycle(guests["en"])
    left = {edition: (pages[:2], "eng") for edition, pages in by_edition.items() if edition != "en"}
    untranslated = [
        with_inserts(page.document, list(islice(english, 2)), language, page.row["language"])
        for pages, language in left.values()
        for page in pages
    ]
    other = [
        with_inserts(page.document, guests[guest][2 * n : 2 * n + 2], code_of(guest), edition)
        for edition, guest in NEIGHBOURING.items()
        for n, page in enumerate(by_edition[edition][:4])
    ]
    whole = [page.document for pages in by_edition.values() for page in pages]
    return {
        **_blocks_found("mixed/untranslated", untranslated),
        **_blocks_found("mixed/neighbours", other),
        "mixed/whole/accuracy": _left_whole(whole),
    }


def _long(page: QuickPage) -> list[str]:
    texts = [page.document.text[b.start : b.end] for b in page.document.blocks if b.kind == "paragraph"]
    return [text for text in texts if len(text.encode()) >= 150]


def _blocks_found(name: str, made: Sequence[tuple[Document, dict[int, str]]]) -> Measures:
    """F1 over the blocks in another language than their document."""
    right = found = gold = 0
    for document, (_, inserted) in zip(labelled(d for d, _ in made), made, strict=True):
        labels = {n: block.language for n, block in enumerate(document.blocks) if block.language}
        right += sum(labels.get(n) == language for n, language in inserted.items())
        found += len(labels)
        gold += len(inserted)
    return {f"{name}/F1": Measure(2 * right / (found + gold), gold)}


def _left_whole(documents: Sequence[Document]) -> Measure:
    """Share of the documents in one language of which no block is taken for another."""
    whole = sum(not any(block.language for block in document.blocks) for document in labelled(documents))
    return Measure(whole / len(documents), len(documents))
