"""Chunks a second of encoders in two processes at once, one thread each, and the memory those take."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import click
import encoder_minilm
from encoder_peers import BATCH, PACKAGE, TORCH_ROWS, Peer, load_peer
from encoder_sets import chunks_of
from measure import MIB, MemorySampler, markdown
from quality_data import Unavailable, extracted, installation_guide
from real_data import DataError, Store

PROCESSES = 2
#: Length of a chunk in tokens of the offline encoder.
TOKENS = 256
#: What MiniLM is compared on, being English.
ENGLISH = "English"
MULTILINGUAL = "19 languages"


@dataclass(frozen=True)
class Rate:
    """How fast one encoder was on one set; ``peak_mib`` is the resident memory of all processes at their highest.

    ``again`` is the rate at which the same chunks are encoded a second time: what an encoder keeps of words and tokens
    is there then, as in a long run.
    """

    set: str
    encoder: str
    chunks: int
    seconds: float
    per_second: float
    again: float
    peak_mib: float


def measure(names: Sequence[str], downloads: Path, chunks: int, seconds: float) -> list[Rate]:
    """Rates of ``names`` on both sets, and of the English model on the English one."""
    rates = []
    english: tuple[str, ...] = ()
    try:
        english = encoder_minilm.prepare(downloads)
    except DataError as error:
        click.echo(f"{encoder_minilm.FP32}: left out, {error.message}", err=True)
    for label, texts in chunk_sets(downloads, chunks).items():
        peers = [*names, *english] if label == ENGLISH else [*names]
        if "use-multilingual" in names:
            peers.append(TORCH_ROWS)
        for name in peers:
            click.echo(f"timing {name} on {len(texts)} chunks ({label})", err=True)
            try:
                rates.append(replace(rate(name, texts, downloads, seconds), set=label))
            except DataError as error:
                click.echo(f"{name}: left out, {error.message}", err=True)
    return rates


def rate(name: str, texts: Sequence[str], downloads: Path, seconds: float) -> Rate:
    """Chunks a second of processes that start at the same time, models loaded and warm, each with its share."""
    context = get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    shares = [list(texts[i::PROCESSES]) for i in range(PROCESSES)]
    with ThreadPoolExecutor(PROCESSES) as threads:
        done = list(threads.map(lambda share: _in_process(context, (name, share, downloads, seconds, barrier)), shares))
    return Rate(
        "", name, sum(count for count, _, _, _ in done), max(took for _, took, _, _ in done),
        sum(count / took for count, took, _, _ in done), sum(again for _, _, again, _ in done),
        sum(peak for _, _, _, peak in done) / MIB,
    )  # fmt: skip


def _in_process(context: Any, arguments: tuple[Any, ...]) -> tuple[int, float, float, int]:
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, *arguments))
    process.start()
    sender.close()
    try:
        answer = receiver.recv()
    except EOFError:
        raise DataError(f"{arguments[0]}: its process ended without an answer") from None
    finally:
        process.join()
    if isinstance(answer, str):
        raise DataError(answer)
    result: tuple[int, float, float, int] = answer
    return result


def _work(sender: Any, name: str, texts: list[str], downloads: Path, seconds: float, barrier: Barrier) -> None:
    """Send ``(chunks, seconds, chunks a second the second time, peak resident bytes)``, or what went wrong."""
    try:
        # Not getrusage, whose peak a process takes over from the one that started it.
        with MemorySampler(os.getpid()) as memory:
            peer = load_peer(name, downloads)
            peer.passages(texts[:4])
            barrier.wait(timeout=300)
            count, took = _timed(peer, texts, seconds)
            barrier.wait(timeout=300)
            encoded, again = _timed(peer, texts[:count], seconds)
    except Exception as error:
        barrier.abort()
        sender.send(f"{name}: {error or type(error).__name__}")
        return
    sender.send((count, took, encoded / again, memory.process))


def _timed(peer: Peer, texts: list[str], seconds: float) -> tuple[int, float]:
    """Chunks encoded in about so many seconds, and how long it took."""
    started, count = time.perf_counter(), 0
    while count < len(texts) and time.perf_counter() - started < seconds:
        count += len(peer.passages(texts[count : count + BATCH]))
    return count, time.perf_counter() - started


def chunk_sets(downloads: Path, chunks: int) -> dict[str, list[str]]:
    """So many chunks of LibreOffice's English help, and of Debian's installation guide in turn from each language."""
    Store(downloads).add("libreoffice-help-en-us", "libreoffice-help")
    try:
        guide = installation_guide()
    except Unavailable as error:
        raise DataError(str(error)) from None
    from m4corpus.embed.config import EncoderConfig
    from m4corpus.embed.encoder import load_tokenizer

    offsets = load_tokenizer(EncoderConfig(name="use-multilingual")).token_offsets
    english = downloads / "libreoffice-help" / "en-US"
    each = [_chunks(folder, offsets) for folder in sorted(guide.iterdir()) if folder.is_dir()]
    in_turn = (chunk for row in zip_longest(*each) for chunk in row if chunk)
    return {
        ENGLISH: list(islice(_chunks(english, offsets), chunks)),
        MULTILINGUAL: list(islice(in_turn, chunks)),
    }


def _chunks(folder: Path, offsets: Callable[[str], list[tuple[int, int]]]) -> Iterator[str]:
    """Chunks of a folder's pages, short pages joined."""
    text = ""
    for page in sorted(folder.rglob("*.html")):
        document = extracted(page.read_text(encoding="utf-8", errors="replace"))
        text += f"{document.text}\n" if document else ""
        if len(text) > 20_000:
            yield from chunks_of(text, offsets, TOKENS)
            text = ""
    yield from chunks_of(text, offsets, TOKENS)


def print_rates(rates: Sequence[Rate]) -> None:
    """A table, with each rate as a multiple of the package's and of the English model's on the same set."""
    by_key = {(r.set, r.encoder): r.per_second for r in rates}
    references = [name for name in (PACKAGE, encoder_minilm.FP32) if any(r.encoder == name for r in rates)]
    rows = [
        [
            r.set, r.encoder, r.chunks, round(r.seconds, 1), round(r.per_second, 1), round(r.again, 1),
            round(r.peak_mib),
            *(f"{r.per_second / by_key[r.set, n]:.2f}" if (r.set, n) in by_key else "" for n in references),
        ]
        for r in rates
    ]  # fmt: skip
    print(f"#### Chunks of {TOKENS} tokens, {PROCESSES} processes of one thread\n")
    headers = ["chunks in", "encoder", "chunks", "s", "chunks/s", "chunks/s again", "peak MiB, both"]
    headers += [f"{name} = 1" for name in references]
    print(markdown(headers, rows))
