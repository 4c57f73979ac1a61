#!/usr/bin/env python3
"""Train the student of the offline encoder and write it with its checksum into the package's resources."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

# The modules of the benchmarks are scripts beside each other, not a package.
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

import click  # noqa: E402
import corpus as corpora  # noqa: E402
import lid_packages  # noqa: E402
import numpy as np  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
import teacher  # noqa: E402
from fit import Fitted, Settings, fit  # noqa: E402
from gate import fit_gate  # noqa: E402
from real_data import DOWNLOADS  # noqa: E402
from sharpen import sharpen  # noqa: E402

from m4corpus.embed.carried.student import CARD, GATE_STEPS, MODEL, ZERO  # noqa: E402

#: Raised with every model that is shipped.
VERSION = 4
#: Features that get a vector.
FEATURES = 416_000
#: Scales of rows are whole numbers up to this.
SCALES = 4095
#: A date for every member of the file, so that equal weights make an equal file.
_DATE = (1980, 1, 1, 0, 0, 0)


#: Shares of a row's highest value that may become the code of seven.
_TRIMS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)


def arrays(corpus: corpora.Corpus, fitted: Fitted, evidence: Any, prior: float) -> dict[str, Any]:
    """What :class:`m4corpus.embed.carried.student.Student` reads: vectors in 4 bits with a whole number for a scale."""
    unit = np.abs(fitted.table).max() / (7 * SCALES)
    codes, scales = zip(*(_coded(part, unit) for part in np.array_split(fitted.table, 64)), strict=True)
    code = np.concatenate(codes)
    half = code.shape[1] // 2
    return {
        "whole": corpus.whole_words,
        "grams": corpus.grams,
        "table": code[:, :half] | code[:, half:] << 4,
        "scale": np.concatenate(scales),
        "gate": np.clip(np.rint(evidence * GATE_STEPS), -32767, 32767).astype(np.int16),
        "projection": fitted.projection,
        "offset": fitted.offset,
        "unit": np.float32(unit),
        "gate_prior": np.float32(prior),
        **{name: weight.astype(np.float16) for name, weight in fitted.dense.items()},
    }


def _coded(rows: Any, unit: float) -> tuple[Any, Any]:
    """Codes of rows, and of the scales those that lose least."""
    highest = np.abs(rows).max(axis=1, keepdims=True)
    scales = [np.clip(np.rint(trim * highest / (7 * unit)), 1, SCALES) for trim in _TRIMS]
    codes = [np.clip(np.rint(rows / (scale * unit)), -7, 7) for scale in scales]
    lost = [((code * scale * unit - rows) ** 2).sum(axis=1) for code, scale in zip(codes, scales, strict=True)]
    best = np.argmin(lost, axis=0)
    each = np.arange(len(rows))
    return (np.stack(codes)[best, each] + ZERO).astype(np.uint8), np.stack(scales)[best, each, 0].astype(np.int16)


def write(content: dict[str, Any], languages: list[str], model: Path, card: Path) -> None:
    """Write the model, and beside it what is on record of it."""
    with zipfile.ZipFile(model, "w") as archive:
        for name, array in content.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asanyarray(array), allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", _DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, buffer.getvalue())
    data = model.read_bytes()
    record = {
        "version": VERSION,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "languages": languages,
        "dimension": int(content["projection"].shape[1]),
        "table": [len(content["table"]), 2 * content["table"].shape[1]],
    }
    card.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--downloads",
    type=click.Path(path_type=Path, file_okay=False),
    default=DOWNLOADS,
    help="Where the pairs are, and what the teacher made of them.  [default: downloads/ of the project]",
)
@click.option(
    "--texts",
    type=click.IntRange(10_000),
    default=Settings.texts,
    show_default=True,
    help="Texts to train with, drawn again and again.",
)
@click.option("--processes", type=click.IntRange(1), default=Settings.processes, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=MODEL.parent,
              help="Where the model goes.  [default: the package's resources]")  # fmt: skip
def main(downloads: Path, texts: int, processes: int, out: Path) -> None:
    """Train the student on downloads/student/pairs, which pairs.py writes.

    \b
    Examples:
      python benchmarks/student/pairs.py && python benchmarks/student/train.py
      python benchmarks/student/train.py --texts 500000 --out /tmp
    """
    pairs, cache = downloads / "student" / "pairs", downloads / "student" / "teacher"
    pivots = {text for path in sorted(pairs.glob("*.parquet")) for text in pq.read_table(path)["pivot"].to_pylist()}
    teacher.compute(sorted(pivots), cache, processes)
    shared = downloads / "language-model"
    wordfreq = next(lid_packages.pypi(shared, "wordfreq", lid_packages.PYPI["wordfreq"]).glob("*.whl"))
    corpus = corpora.build(pairs, cache, wordfreq, FEATURES)
    click.echo(f"{len(corpus.label):,} texts, {len(corpus.whole_words):,} words and {len(corpus.grams):,} n-grams")
    fitted = sharpen(corpus, fit(corpus, replace(Settings(), texts=texts, processes=processes)))
    evidence, prior = fit_gate(corpus, wordfreq)
    languages = sorted({str(label) for label in np.unique(corpus.label)} - corpora.TAUGHT)
    write(arrays(corpus, fitted, evidence, prior), languages, out / MODEL.name, out / CARD.name)
    click.echo(f"{out / MODEL.name}: {(out / MODEL.name).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
