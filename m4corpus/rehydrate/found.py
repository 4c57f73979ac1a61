"""Where a release of ids lies, and its rows: which revision each document was made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from m4corpus.crawl.assemble import address_of
from m4corpus.crawl.config import WikiConfig
from m4corpus.crawl.mediawiki.records import Pin
from m4corpus.errors import IntegrityError, UserError
from m4corpus.identify.labels import label_of
from m4corpus.ledger import Fail
from m4corpus.rehydrate.records import Recorded
from m4corpus.release.layout import DOCUMENTS, RELEASE, Release, ReleaseFile, read_release
from m4corpus.release.pull import choose, peek, pull
from m4corpus.release.stores import store_of
from m4corpus.snapshot.open import locate
from m4corpus.sources.m4rag import article_id
from m4corpus.storage.artifact import MANIFEST
from m4corpus.storage.digests import file_digest
from m4corpus.storage.parts import read_batches

_LOCATOR = re.compile(r"([a-z][a-z0-9-]{0,39}):([1-9][0-9]{0,11})@([1-9][0-9]{0,11})", re.ASCII)
_COLUMNS = (
    "id", "language", "script", "source", "url", "locator", "revision", "fetched_at", "text_digest", "characters",
)  # fmt: skip
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Found:
    """A release of ids as it lies here. ``files`` are those of its documents that are asked for, and ``left_out`` how
    many documents of other languages there are, by label."""

    directory: Path
    release: Release
    files: list[ReleaseFile]
    left_out: dict[str, int]

    @property
    def name(self) -> str:
        """``name@version``."""
        return f"{self.release.name}@{self.release.version}"


def find(
    where: str, workdir: Path, languages: Sequence[str] = (), report: Report = lambda what, done, total: None
) -> Found:
    """The release that ``where`` means: a directory it was pulled to, the name it was pulled under, or any place
    :func:`m4corpus.release.pull.pull` takes, from which it is pulled first. A name that stands
    for a snapshot goes on doing so.

    Raises :class:`UserError` for a place without a release, a release that holds its texts, and languages that are not
    there; :class:`IntegrityError` for a damaged file.
    """
    directory = _pulled(where, workdir)
    if directory is None:
        store = store_of(where)
        try:
            _refuse_texts(peek(store, workdir), where)
            directory = pull(store, workdir, languages, latest=False, report=report).directory
        except FileNotFoundError as error:
            raise UserError(f"{where} holds no release", "A release has a release.json.") from error
    if not (directory / RELEASE).is_file():
        raise UserError(f"{directory} was built here and holds its texts", "There is nothing to bring back.")
    release = read_release(directory / RELEASE)
    _refuse_texts(release, where)
    chosen = {file.path for file in choose(release, languages, index_only=False)}
    files = [file for file in release.of(DOCUMENTS) if file.path in chosen and (directory / file.path).is_file()]
    there = {file.path for file in files}
    absent = sorted({file.language for file in release.of(DOCUMENTS) if file.path in chosen - there})
    if languages and absent:
        raise UserError(
            f"the documents of {', '.join(absent)} were not pulled to {directory}", "Pull them first: m4corpus pull."
        )
    for file in files:
        path = directory / file.path
        if path.is_symlink() or path.stat().st_size != file.size or file_digest(path) != file.sha256:
            raise IntegrityError(f"{path} is not the file the release names", "Pull it again: m4corpus pull.")
    left_out: dict[str, int] = {}
    for file in release.of(DOCUMENTS):
        if file.path not in there:
            left_out[file.language] = left_out.get(file.language, 0) + file.rows
    return Found(directory, release, files, left_out)


def _refuse_texts(release: Release, where: str) -> None:
    if not release.ids_only:
        raise UserError(
            f"{release.name}@{release.version} was published with its texts", f"They come with: m4corpus pull {where}"
        )


def _pulled(where: str, workdir: Path) -> Path | None:
    """The directory of a release that is here already, by path or name; None when it is to be pulled."""
    if (Path(where) / MANIFEST).is_file() and (Path(where) / RELEASE).is_file():
        return Path(where)
    if "/" not in where and not Path(where).is_dir():
        with suppress(UserError):
            return locate(where, workdir)
    return None


def rows(found: Found, report: Report = lambda what, done, total: None) -> Iterator[tuple[Recorded, dict[str, Any]]]:
    """Every document that is asked for, with its row."""
    total, done = sum(file.rows for file in found.files), 0
    for file in found.files:
        path = found.directory / file.path
        for batch in _batches(path):
            for row in batch:
                label = label_of(row["language"], row["script"])
                if label != file.language:
                    raise IntegrityError(f"{path} holds a document of {label}: {row['id']}")
                yield (
                    Recorded(row["id"], label, row["source"], row["url"], row["revision"], row["text_digest"],
                             row["characters"]),
                    row,
                )  # fmt: skip
            done += len(batch)
            report("records", done, total)


def _batches(path: Path) -> Iterator[list[dict[str, Any]]]:
    """Rows of a file that came from elsewhere; raises :class:`IntegrityError` unless they have the form of ids."""
    import pyarrow as pa

    kinds = {name: pa.int32() if name == "characters" else pa.string() for name in _COLUMNS}
    try:
        for batch in read_batches(path, list(_COLUMNS), batch_size=1024):
            wrong = [n for n in _COLUMNS if n not in batch.schema.names or batch.column(n).type != kinds[n]]
            if wrong or any(batch.column(name).null_count for name in _COLUMNS):
                raise IntegrityError(f"{path} is no file of ids: {', '.join(wrong) or 'a value'} is not as it must be")
            yield batch.to_pylist()
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise IntegrityError(f"{path} is no sound Parquet file: {str(error).splitlines()[0][:200]}") from None


def pin_of(row: Mapping[str, Any], formats: Mapping[str, str], wiki: WikiConfig) -> Pin:
    """The revision a document was made of. ``formats`` are those of the recipe's sources, by name.

    Raises ``Fail`` where no wiki has it: ``not-crawled`` (its source is files, which the recipe reads), ``web-page``
    (a web page, an image: sites keep no earlier versions), ``another-wiki`` (neither id nor address are those the
    recipe's wikis give it).
    """
    source, form = row["source"], formats.get(row["source"], "")
    if form != "crawl":
        what = f"are files of format {form}" if form else "is not in the recipe"
        raise Fail("not-crawled", f"source {source} {what}")
    place = _LOCATOR.fullmatch(row["locator"])
    if place is None:
        raise Fail("web-page", f"locator={row['locator'][:200]}")
    edition, pageid, revision = place[1], int(place[2]), int(place[3])
    pin = Pin(edition, pageid, _title(wiki.page, edition, row["url"]), revision, row["fetched_at"])
    if row["revision"] != place[3] or row["id"] != article_id(place[2], edition):
        raise Fail("another-wiki", f"neither id nor revision are those of {row['locator']}")
    if not pin.title or address_of(wiki.page, pin) != row["url"]:
        raise Fail("another-wiki", f"url={row['url'][:200]}")
    return pin


def _title(template: str, edition: str, url: str) -> str:
    """The title in the address of an article; empty where the address has another form than ``template``."""
    before, _, after = template.replace("{edition}", edition).partition("{title}")
    if not (url.startswith(before) and url.endswith(after)):
        return ""
    return unquote(url[len(before) : len(url) - len(after)]).replace("_", " ")
