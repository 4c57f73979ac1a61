"""Measures of the quality gate: sentence boundaries, main text of pages, and what the quickstart's queries find."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import sentences
from extraction import read_gold, wiki_pages
from extractors import Gold, score
from quality_data import QUICKSTART, ROOT, declarations, extracted, quickstart_pages, wikis
from quality_fixtures import furniture_gold
from quality_gate import Measure, Measures

from m4corpus.chunk.sentences import sentences as split

#: Chunks looked at for each query: enough for ten documents.
DEPTH = 200


def sentence_fixtures() -> Measures:
    """Sentence boundaries of the tests' fixtures."""
    return _boundaries("sentences/fixtures", sentences.fixtures())


def sentence_udhr() -> Measures:
    """Sentence boundaries of the Universal Declaration of Human Rights."""
    return _boundaries("sentences/udhr", sentences.declaration(declarations()))


def _boundaries(name: str, texts: Iterable[sentences.Text]) -> Measures:
    scores: dict[str, sentences.Score] = defaultdict(sentences.Score)
    for text in texts:
        found = [text.text[u.start : u.end] for u in split(text.text, [], text.language, text.script)]
        scores[text.script].add(found, text.sentences)
    measures = {f"{name}/F1/{script}": Measure(s.f1, s.gold) for script, s in sorted(scores.items())}
    mean = sum(m.value for m in measures.values()) / len(measures)
    return {f"{name}/macro-F1": Measure(mean, sum(m.texts for m in measures.values())), **measures}


def extraction_pages() -> Measures:
    """The quickstart's pages, of six markups: their furniture is what several pages of an edition have."""
    gold = furniture_gold(quickstart_pages())
    measures = _extraction("extraction/pages", gold)
    for markup in sorted({page.row["markup"] for page in quickstart_pages()}):
        of = {page.row["id"] for page in quickstart_pages() if page.row["markup"] == markup}
        measures |= _extraction("extraction/pages", {n: g for n, g in gold.items() if n in of}, f"/{markup}", ("F1",))
    return measures


def extraction_wiki() -> Measures:
    """The tests' wikis, as MediaWiki itself renders them, with its skin and without."""
    measures: Measures = {}
    with wikis() as served:
        for form, pages in wiki_pages(served).items():
            kind = "skin" if "skin" in form else "parser"
            measures |= _extraction("extraction/wiki", pages, f"-{kind}")
    return measures


def extraction_annotated(folder: Path) -> Callable[[], Measures]:
    """Annotated web pages: a folder of pages with ``gold.json``."""
    return lambda: _extraction("extraction/annotated", read_gold(folder))


def _extraction(
    name: str, gold: Mapping[str, Gold], suffix: str = "", kept: Sequence[str] = ("F1", "precision", "recall")
) -> Measures:
    result = score(_text, gold, repeats=1)
    values = {"F1": result.f1, "precision": result.precision, "recall": result.recall}
    return {f"{name}/{key}{suffix}": Measure(values[key], result.found + result.missed) for key in kept}


def _text(html: str) -> str:
    document = extracted(html)
    return document.text if document else ""


def retrieval() -> Measures:
    """The quickstart recipe from nothing, and its queries: in any language, and in other languages than the query's."""
    import m4corpus
    from m4corpus.evaluate import evaluate, read_qrels
    from m4corpus.retrieve.queries import read_queries
    from m4corpus.retrieve.runs import retrieve

    measures: Measures = {}
    with tempfile.TemporaryDirectory() as workdir:
        result = m4corpus.run(ROOT / "recipes" / "quickstart.yaml", workdir, workers=2)
        assert result.snapshot is not None
        found = list(
            retrieve(m4corpus.open_snapshot(result.snapshot), read_queries(QUICKSTART / "queries.jsonl"), DEPTH)
        )
        for name, file in (("quickstart", "qrels.txt"), ("crosslingual", "qrels-crosslingual.txt")):
            report = evaluate(found, read_qrels(QUICKSTART / file))
            for key in ("nDCG@10", "R@10"):
                measures[f"retrieval/{name}/{key}"] = Measure(report.scores["all"][key], report.queries["all"])
    return measures


def retrieval_udhr() -> Measures:
    """Articles of the declaration in each language, and the default encoder to find the English one among thirty."""
    import encoder_sets
    import numpy as np

    from m4corpus.embed.config import EncoderConfig
    from m4corpus.embed.encoder import load

    encoder = load(EncoderConfig())
    measures: Measures = {}
    for task in encoder_sets.declarations(declarations()):
        scores = encoder.encode_queries(task.queries) @ encoder.encode(encoder.passages(task.passages)).T
        right = np.argmax(scores, axis=1) == [gold for (gold,) in task.relevant]
        measures[f"retrieval/udhr/R@1/{task.language}"] = Measure(float(right.mean()), len(right))
    mean = sum(m.value for m in measures.values()) / len(measures)
    return {"retrieval/udhr/macro-R@1": Measure(mean, sum(m.texts for m in measures.values())), **measures}
