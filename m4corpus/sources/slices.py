"""Slices of a big file, which tasks read side by side and which together read as the whole would.

Where they begin follows from the content of the file alone, near every multiple of :data:`SLICE_BYTES`: neither the
number of tasks nor that of workers leaves a trace. Each format knows where it can be cut: a multistream dump where a
stream opens with a page and an uncompressed one at a page, JSONL and NDJSON at the end of a line, Parquet between row
groups, ZIM between entries. Not cut are the other compressed files: one stream of gzip, xz or LZMA has no point to
start from in its middle. WARC files are not cut either: their records are named by number, and where they are
compressed those before a cut are counted only by decompressing them; crawls come in many files of a gigabyte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from m4corpus.sources.compressed import is_compressed

if TYPE_CHECKING:
    from m4corpus.sources.config import SourceConfig
    from m4corpus.sources.inventory import SourceFile
    from m4corpus.sources.streams import InputFile

#: Bytes of one slice: small enough to share the dump of a small wiki among tasks.
SLICE_BYTES = 1 << 24

_BLOCK = 1 << 20
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Slice:
    """What lies from ``start`` to before ``end``, counted as its format counts: in bytes, row groups or entries.

    ``size`` is its share of the file's bytes, ``before`` the number of lines or rows ahead of it.
    """

    start: int
    end: int
    size: int
    before: int = 0


def targets(size: int) -> range:
    """Where a file of ``size`` bytes should be cut, in bytes."""
    return range(SLICE_BYTES, size, SLICE_BYTES)


def between(starts: Sequence[int], size: int, before: Iterable[int] = ()) -> list[Slice]:
    """The slices of a file of ``size`` bytes that begin at those bytes, and with ``before`` lines ahead of them."""
    ahead = list(before) or [0] * len(starts)
    return [
        Slice(start, end, end - start, lines)
        for (start, end), lines in zip(pairwise([*starts, size]), ahead, strict=True)
    ]


def line_slices(source: SourceConfig, file: SourceFile, stream: InputFile) -> list[Slice]:
    """Slices of an uncompressed file of lines; none where it is compressed, or begins with a slice of blank lines."""
    if not targets(file.size) or not stream.local or is_compressed(stream, file.path):
        return []
    starts, before = [0], [0]
    for start, lines in _line_ends(stream.blocks(_BLOCK), file.size):
        starts.append(start)
        before.append(lines)
    # A file without a record fails as a whole; one that has a record in its first slice is none.
    if len(starts) == 1 or all(block.isspace() for block in _opening(stream, starts[1])):
        return []
    return between(starts, file.size, before)


def _line_ends(blocks: Iterable[bytes], size: int) -> Iterator[tuple[int, int]]:
    """The first end of a line at or after each target, with the number of lines up to there."""
    position, lines, wanted = 0, 0, SLICE_BYTES
    for block in blocks:
        begin = 0
        while wanted <= position + len(block):
            mark = block.find(b"\n", max(wanted - 1 - position, begin)) + 1
            if not mark:
                break
            lines += block.count(b"\n", begin, mark)
            begin = mark
            if position + begin < size:
                yield position + begin, lines
            wanted = ((position + begin) // SLICE_BYTES + 1) * SLICE_BYTES
        lines += block.count(b"\n", begin)
        position += len(block)


def _opening(stream: InputFile, end: int) -> Iterator[bytes]:
    first = True
    for block in stream.blocks(_BLOCK, end):
        yield block.removeprefix(_BOM) or b" " if first else block
        first = False
