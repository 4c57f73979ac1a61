#!/usr/bin/env python3
"""Reading dumps: m4corpus, gensim's WikiCorpus and mwparserfromhell over the same pages, and the memory each takes."""

from __future__ import annotations

import bz2
import json
import multiprocessing
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import click
from measure import MIB, Machine, MemorySampler, markdown

#: The sample of English Wikipedia's dump that gensim carries for its tests: 206 pages, 6 MB of XML.
SAMPLE = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
#: Times the larger dump is the smaller one, in the table of memory.
FACTOR = 4
#: Times each reading is done; the fastest counts.
REPEATS = 3
#: Pages of one bzip2 stream, as in Wikimedia's multistream dumps.
_TOGETHER = 100


@dataclass(frozen=True)
class Reading:
    """One reading of a dump in a process of its own. ``size`` is in bytes of XML, ``peak`` in bytes resident."""

    reader: str
    what: str
    size: int
    pages: int
    found: str
    seconds: float
    peak: int


def read_ours(path: Path) -> tuple[int, str]:
    """The read stage's own reading: listed, hashed, parsed, every page judged."""
    from m4corpus.sources.config import ReadConfig, SourceConfig
    from m4corpus.sources.inventory import inventory
    from m4corpus.sources.readers import Failure, read_file

    config = SourceConfig(name="dump", format="dump", path=path.name)
    (file,) = inventory(ReadConfig(sources=[config]), path.parent, path.parent / "cache")
    pages = kept = 0
    for item in read_file(config, path.parent, file):
        pages += 1
        kept += not isinstance(item, Failure)
    return pages, f"{kept} articles, {pages - kept} in the ledger"


def read_gensim(path: Path) -> tuple[int, str]:
    """The part of WikiCorpus that reads the XML."""
    from gensim.corpora.wikicorpus import extract_pages

    with bz2.BZ2File(path) if path.suffix == ".bz2" else path.open("rb") as stream:
        found = sum(1 for _ in extract_pages(stream, ("0",)))
    return found, f"{found} of namespace 0, redirects among them"


def text_ours(path: Path) -> tuple[int, str]:
    """Reading and cleaning: sections, tables, lists and links as blocks."""
    from m4corpus.clean.step import CleanStep
    from m4corpus.records import Page
    from m4corpus.sources.config import ReadConfig, SourceConfig
    from m4corpus.sources.inventory import inventory
    from m4corpus.sources.readers import read_file

    config = SourceConfig(name="dump", format="dump", path=path.name)
    (file,) = inventory(ReadConfig(sources=[config]), path.parent, path.parent / "cache")
    step = CleanStep()
    step.prepare()
    try:
        pages = [item for item in read_file(config, path.parent, file) if isinstance(item, Page)]
        documents = [document for page in pages for document in step.process(page)]
    finally:
        step.close()
    blocks = sum(len(document.blocks) for document in documents)
    return len(documents), f"{_words(document.text for document in documents)} words in {blocks} blocks"


def text_gensim(path: Path) -> tuple[int, str]:
    """What WikiCorpus does for every article, without handing it to a worker: lower-case words, no structure."""
    from gensim.corpora.wikicorpus import extract_pages, process_article

    articles = words = 0
    with bz2.BZ2File(path) as stream:
        for title, text, number in extract_pages(stream, ("0",)):
            tokens, _, _ = process_article((text, title, number))
            articles, words = articles + 1, words + len(tokens)
    return articles, f"{words} words of 2 to 15 letters"


def text_parser(path: Path) -> tuple[int, str]:
    """mwparserfromhell alone: the wikitext is read before the clock starts, and comes out as running text."""
    import mwparserfromhell

    texts = [mwparserfromhell.parse(text).strip_code() for text in _wikitext(path)]
    return len(texts), f"{_words(texts)} words"


READERS: dict[str, Callable[[Path], tuple[int, str]]] = {
    "m4corpus, pages": read_ours,
    "gensim extract_pages": read_gensim,
    "m4corpus, read and clean": text_ours,
    "gensim, as WikiCorpus": text_gensim,
    "mwparserfromhell strip_code": text_parser,
}


def _words(texts: Any) -> int:
    return sum(len(text.split()) for text in texts)


def _wikitext(path: Path) -> list[str]:
    from gensim.corpora.wikicorpus import extract_pages

    with bz2.BZ2File(path) as stream:
        return [text for _, text, _ in extract_pages(stream, ("0",)) if not text.upper().startswith("#REDIRECT")]


def measured(reader: str, path: Path, size: int) -> Reading:
    """One reading, in a new process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, reader, path, size).result()


def _measured(reader: str, path: Path, size: int) -> Reading:
    read = READERS[reader]
    read(path.with_name("warm.xml.bz2"))  # loads what it imports
    with MemorySampler(os.getpid()) as memory:
        seconds = float("inf")
        for _ in range(REPEATS):
            start = time.perf_counter()
            pages, found = read(path)
            seconds = min(seconds, time.perf_counter() - start)
        time.sleep(0.1)  # for one sample more
    return Reading(reader, path.suffix.lstrip("."), size, pages, found, seconds, memory.process)


def write_dumps(folder: Path, copies: int) -> dict[str, tuple[Path, int]]:
    """A dump of as many copies of the sample, and one :data:`FACTOR` times that, packed and plain, with their sizes."""
    from gensim.test.utils import datapath

    content = bz2.decompress(Path(datapath(SAMPLE)).read_bytes())
    begin = content.index(b"  <page>")
    head, pages = content[:begin], re.findall(rb"  <page>.*?</page>\n", content[begin:], re.DOTALL)
    dumps: dict[str, tuple[Path, int]] = {}
    for name, times in (("text", 1), ("small", copies), ("large", copies * FACTOR)):
        written = pages * times
        size = len(head) + sum(map(len, written)) + len(b"</mediawiki>\n")
        packed = folder / f"{name}wiki-pages-articles-multistream.xml.bz2"
        plain = folder / f"{name}wiki-pages-articles.xml"
        with packed.open("wb") as out, plain.open("wb") as xml:
            streams = [head, *(b"".join(written[i : i + _TOGETHER]) for i in range(0, len(written), _TOGETHER))]
            for stream in [*streams, b"</mediawiki>\n"]:
                out.write(bz2.compress(stream))
                xml.write(stream)
        dumps |= {f"{name}.bz2": (packed, size), f"{name}.xml": (plain, size)}
    (folder / "warm.xml.bz2").write_bytes(bz2.compress(head + b"".join(islice(pages, 3)) + b"</mediawiki>\n"))
    return dumps


def rates(readings: list[Reading], rival: int) -> str:
    """A table of readings; the ratio is to the one at ``rival``."""
    rows = [
        [r.reader, r.what, r.size / 1e6, r.pages, r.found, r.seconds, r.size / 1e6 / r.seconds, r.pages / r.seconds,
         readings[rival].seconds / r.seconds]
        for r in readings
    ]  # fmt: skip
    headers = ["reader", "file", "XML, MB", "pages", "found", "s", "MB/s of XML", "pages/s",
               f"{readings[rival].reader} = 1"]  # fmt: skip
    return markdown(headers, rows)


def memory_table(pairs: list[tuple[Reading, Reading]]) -> str:
    """Peaks of the same reading of a dump and of one :data:`FACTOR` times as large."""
    rows = [
        [small.reader, small.what, small.size / 1e6, large.size / 1e6, small.peak // MIB, large.peak // MIB,
         large.peak / small.peak]
        for small, large in pairs
    ]  # fmt: skip
    headers = ["reader", "file", "XML 1x, MB", f"{FACTOR}x, MB", "peak 1x, MiB", f"{FACTOR}x, MiB", "ratio"]
    return markdown(headers, rows)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--copies", type=click.IntRange(min=1), default=4, show_default=True,
              help="Copies of the sample, 6 MB each, in the smaller of both dumps.")  # fmt: skip
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Also write the numbers to "
              "this file.")  # fmt: skip
def main(copies: int, json_path: Path | None) -> None:
    """Read a multistream dump made of COPIES of the sample that gensim carries, and one four times as large. Each
    reading is in one process of its own (m4corpus cleans in a guarded child). Works in a temporary directory.
    """
    machine = Machine.here()
    with tempfile.TemporaryDirectory(prefix="m4corpus-bench-") as folder:
        dumps = write_dumps(Path(folder), copies)
        made: dict[tuple[str, str], Reading] = {}

        def run(reader: str, dump: str) -> Reading:
            click.echo(f"{reader}: {dump}", err=True)
            made[reader, dump] = reading = measured(reader, *dumps[dump])
            return reading

        ours, gensim, *texts = READERS
        small = {kind: [run(reader, f"small.{kind}") for reader in (ours, gensim)] for kind in ("bz2", "xml")}
        large = {kind: [run(reader, f"large.{kind}") for reader in (ours, gensim)] for kind in ("bz2", "xml")}
        words = [run(reader, "text.bz2") for reader in texts]
    click.echo(f"{machine.lines()}\nOf each reading the fastest of {REPEATS}.\n\nFrom the file to pages:\n")
    for kind in large:
        click.echo(rates(large[kind], 1))
    click.echo(f"From the file to text:\n\n{rates(words, 1)}\nMemory:\n")
    click.echo(memory_table([pair for kind in small for pair in zip(small[kind], large[kind], strict=True)]))
    if json_path:
        record = {"machine": asdict(machine), "readings": [{"dump": d, **asdict(r)} for (_, d), r in made.items()]}
        json_path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
