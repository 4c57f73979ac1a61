"""One input file to pages and failures, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from m4corpus.images import require_pillow
from m4corpus.ledger import DROPPED, FAILED, Fail, Verdict
from m4corpus.packages import installed
from m4corpus.records import Page
from m4corpus.sources import hub
from m4corpus.sources.config import ReadConfig, SourceConfig
from m4corpus.sources.crawled import read_crawl
from m4corpus.sources.dump import read_dump, read_dump_slice
from m4corpus.sources.dumpslices import dump_slices
from m4corpus.sources.enterprise import enterprise_slices, read_enterprise, read_enterprise_slice
from m4corpus.sources.failure import TRANSIENT, Failure
from m4corpus.sources.files import read_file_page
from m4corpus.sources.hubfile import HubFile
from m4corpus.sources.inventory import PROBLEMS, SourceFile
from m4corpus.sources.jsonl import read_jsonl, read_jsonl_slice
from m4corpus.sources.locate import locate
from m4corpus.sources.m4rag import read_m4rag, read_m4rag_slice
from m4corpus.sources.parquet import parquet_slices, read_parquet, read_parquet_slice
from m4corpus.sources.pictures import read_crawl_images, read_image_file
from m4corpus.sources.slices import Slice, line_slices
from m4corpus.sources.streams import InputFile, LocalFile, refusal
from m4corpus.sources.warc import read_warc
from m4corpus.sources.zim import read_zim, read_zim_slice, require_libzim, zim_slices
from m4corpus.steps import FATAL, unexpected

__all__ = ["TRANSIENT", "Failure", "Unit", "read_file", "read_unit", "require_packages", "units", "unpackers"]

#: Formats whose pages stand for images.
IMAGES = ("crawl-images", "images")

Items = Iterator[Page | Failure]
Reader = Callable[[SourceConfig, SourceFile, InputFile], Items]
Cutter = Callable[[SourceConfig, SourceFile, InputFile], list[Slice]]
SliceReader = Callable[[SourceConfig, SourceFile, InputFile, Slice], Items]

_READERS: dict[str, Reader] = {
    "crawl": read_crawl,
    "crawl-images": read_crawl_images,
    "images": read_image_file,
    "html": read_file_page,
    "text": read_file_page,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "warc": read_warc,
    "m4rag": read_m4rag,
    "enterprise": read_enterprise,
    "zim": read_zim,
    "dump": read_dump,
}
#: Formats whose files can be cut.
_SLICED: dict[str, tuple[Cutter, SliceReader]] = {
    "jsonl": (line_slices, read_jsonl_slice),
    "parquet": (parquet_slices, read_parquet_slice),
    "m4rag": (line_slices, read_m4rag_slice),
    "enterprise": (enterprise_slices, read_enterprise_slice),
    "zim": (zim_slices, read_zim_slice),
    "dump": (dump_slices, read_dump_slice),
}


#: Packages that read a format. Bodies of captures may be packed by Brotli, which is pyarrow's, or Zstandard.
_PACKAGES = {
    "crawl": ("pyarrow",),
    "parquet": ("pyarrow",),
    "warc": ("fastwarc", "pyarrow", "zstandard"),
    "zim": ("libzim",),
}


def require_packages(config: ReadConfig) -> dict[str, str]:
    """Versions of the packages that decide what the recipe's formats are read to; raises :class:`UserError` when one
    is not installed."""
    versions = {}
    for source in config.sources:
        if source.format == "zim":
            require_libzim(source.name)
        elif source.format in IMAGES:
            versions["pillow"] = require_pillow()
        versions |= {package: installed(package) for package in _PACKAGES.get(source.format, ())}
    return versions


def unpackers(files: Iterable[SourceFile]) -> dict[str, str]:
    """Versions of the packages that unpack files of such names; the standard library's own have none."""
    return {"zstandard": installed("zstandard")} if any(f.path.lower().endswith(".zst") for f in files) else {}


@dataclass(frozen=True, slots=True)
class Unit:
    """What one task reads at a time: a file, or ``part`` of one that can be cut.

    ``number`` counts the units of a file from 0; ``stamp`` is that of the file when it was cut.
    """

    file: SourceFile
    number: int = 0
    part: Slice | None = None
    stamp: str = ""

    @property
    def size(self) -> int:
        """Bytes of the file it covers."""
        return self.part.size if self.part else self.file.size


def units(source: SourceConfig, base: Path, file: SourceFile) -> list[Unit]:
    """How a file is read: decided by its content alone, so that tasks and workers leave no trace.

    Lines have to be counted and the checksum of a ZIM archive tried, so that cutting may read a file once.
    """
    if source.format in _SLICED and not file.problem:
        cut, _ = _SLICED[source.format]
        try:
            with _opened(source, base, file) as stream:
                slices = cut(source, file, stream)
                stream.verify_unmodified()
            if len(slices) > 1:
                return [Unit(file, number, part, stream.stamp) for number, part in enumerate(slices)]
        except (Verdict, OSError):
            pass  # reading it says why
        except FATAL:
            raise
        except Exception:
            pass  # likewise
    return [Unit(file)]


def read_file(source: SourceConfig, base: Path, file: SourceFile) -> Items:
    """Pages and failures of one file of the inventory, in the order of the file, a bounded part of it in memory.

    Bad input raises nothing. What concerns the file as a whole (it is cut off, it is not what was listed, it cannot
    be opened) is one last failure under the id ``source:path``; what was read before stays. A file that is cut into
    units can have such a failure for each, the later ones under ``source:path@start``. Raises
    :class:`EnvironmentFailure` when a file elsewhere can no longer be reached.
    """
    for unit in units(source, base, file):
        yield from read_unit(source, base, unit)


def read_unit(source: SourceConfig, base: Path, unit: Unit) -> Items:
    """As :func:`read_file`, for one of its units."""
    file = unit.file
    locator = f"{file.path}@{unit.part.start}" if unit.part and unit.number else file.path
    id = f"{file.source}:{locator}"
    if file.problem:
        outcome = DROPPED if file.problem == "linked-folder" else FAILED
        yield Failure(id, locator, file.problem, PROBLEMS[file.problem], outcome)
        return
    try:
        with _opened(source, base, file) as stream:
            if unit.part:
                yield from _sliced(source, unit, unit.part, stream)
            else:
                yield from _READERS[source.format](_rooted(source, base), file, stream)
    except Verdict as verdict:
        yield Failure.of(verdict, id, locator)
    except OSError as error:
        yield Failure.of(refusal(error), id, locator)
    except FATAL:
        raise
    except Exception as error:
        yield Failure.of(unexpected(error), id, locator)


def _rooted(source: SourceConfig, base: Path) -> SourceConfig:
    """A source whose files refer to others beside them, with the path of where they lie."""
    return replace(source, path=str(locate(source, base).root)) if source.format == "crawl-images" else source


def _sliced(source: SourceConfig, unit: Unit, part: Slice, stream: InputFile) -> Items:
    """What a slice holds. The first one checks that the whole file is what was listed, every one that it is still the
    file that was cut."""
    _, read = _SLICED[source.format]
    if unit.number == 0:
        stream.verify_ahead()
    stream.verify_unmodified(unit.stamp)
    try:
        yield from read(source, unit.file, stream, part)
    except Fail:
        stream.verify_unmodified(unit.stamp)  # a file that changed is no corrupt one
        raise
    stream.verify_unmodified(unit.stamp)


def _opened(source: SourceConfig, base: Path, file: SourceFile) -> InputFile:
    if hub.is_address(source.path):
        return InputFile(HubFile(file), file)
    return InputFile(LocalFile(locate(source, base).root / (file.native or file.path)), file)
