"""Every option of the read stage."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from m4corpus.config import config
from m4corpus.sources.hub import is_address, parse

#: Files taken from a folder when ``include`` is empty.
DEFAULT_INCLUDE: dict[str, tuple[str, ...]] = {
    "crawl": ("pages/part-*.parquet",),
    "crawl-images": ("images.jsonl",),
    "images": tuple(f"**/*.{name}" for name in ("jpg", "jpeg", "png", "webp", "gif")),
    "html": ("**/*.html", "**/*.htm", "**/*.xhtml"),
    "text": ("**/*.txt",),
    "jsonl": tuple(f"**/*.{name}{end}" for name in ("jsonl", "ndjson") for end in ("", ".gz", ".zst", ".bz2", ".xz")),
    "parquet": ("**/*.parquet",),
    # Common Crawl's texts are named ….warc.wet.gz.
    "warc": tuple(f"**/*.{name}{end}" for name in ("warc", "wet") for end in ("", ".gz", ".zst")),
    "enterprise": (
        "**/*.tgz",
        *(f"**/*.{name}{end}" for name in ("ndjson", "tar") for end in ("", ".gz", ".zst", ".bz2", ".xz")),
    ),
    "zim": ("**/*.zim",),
    "dump": (
        *(f"**/*.xml{end}" for end in ("", ".gz", ".zst", ".bz2", ".xz", ".7z")),
        *(f"**/*-pages-*.xml-p*{end}" for end in (".bz2", ".7z")),  # a part of a large dump
    ),
    "m4rag": tuple(f"**/*.jsonl{end}" for end in ("", ".gz", ".zst", ".bz2", ".xz")),
}

#: Formats of what `m4corpus crawl` brings home.
CRAWLED = ("crawl", "crawl-images")

_LANGUAGE = re.compile(r"auto|none|path|attribute|field:.+|[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8})*")


@config
class Fields:
    """Where a JSONL or Parquet record keeps what a page needs; ``a.b`` reaches into a nested field."""

    text: str = Field(default="text", min_length=1, description="field of the text itself")
    media_type: Literal["text/plain", "text/html"] = Field(
        default="text/plain", description="what the text field holds"
    )
    id: str = Field(
        default="id", description="field of the id; a record without one is named after its file and line or row"
    )
    title: str = Field(default="title", description="field of the title")
    url: str = Field(default="url", description="field of the address")
    language: str = Field(default="language", description="field of the language")
    revision: str = Field(default="revision", description="field of the revision")
    timestamp: str = Field(default="timestamp", description="field of the time of retrieval")
    licence: str = Field(
        default="license", description="field of the licence; the source's own applies where it is empty"
    )


@config
class SourceConfig:
    """One source: files of one format under one path."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="names the source, and its pages")
    format: Literal[
        "crawl",
        "crawl-images",
        "html",
        "images",
        "text",
        "jsonl",
        "parquet",
        "warc",
        "m4rag",
        "enterprise",
        "zim",
        "dump",
    ] = Field(description="format of its files; images need an encoder that takes them, else their titles are read")
    path: str = Field(
        default="",
        description="a file, a folder or a glob, relative to the directory of the recipe; or a data set of the Hub, "
        "hf://datasets/OWNER/NAME[@REVISION][/GLOB], of format jsonl or parquet, which is streamed at one commit; "
        "empty for formats crawl and crawl-images: what `m4corpus crawl` of this recipe brought home last",
    )
    include: list[str] = Field(
        default_factory=list,
        description="globs of files to take, relative to the folder, in either case; ** crosses folders and a wildcard "
        "matches no leading dot; empty means the usual names of the format",
    )
    exclude: list[str] = Field(default_factory=list, description="globs of files or whole folders to leave out")
    language: str = Field(
        default="auto",
        description="where a page's language hint is found: path (the first folder below the source that names a "
        "language of the registry), attribute (lang of the HTML), field:NAME (a field of the record), a fixed code "
        "such as sw, none, or auto: the language field or the address of an M4-RAG article, else the attribute, else "
        "the path",
    )
    fields: Fields = Field(
        default_factory=lambda: Fields(), description="names of the fields of JSONL and Parquet records"
    )
    global_ids: bool = Field(
        default=False,
        description="JSONL and Parquet: take the ids of records as they are, being unique over all sources; else a "
        "page's id is `source:id`",
    )
    metadata: list[str] = Field(
        default_factory=lambda: ["*"],
        description="globs of the other fields of JSONL and Parquet records to carry along as metadata",
    )
    max_metadata_bytes: int = Field(
        default=65_536, ge=0, description="most metadata a record may carry, in bytes; a record with more fails"
    )
    url_prefix: str = Field(
        default="", description="HTML, text and image files: a page's address is this + its path in the source"
    )
    licence: str = Field(default="", description="licence of the pages, an SPDX identifier where there is one")
    namespaces: list[int] = Field(
        default_factory=lambda: [0],
        description="dumps: numbers of the namespaces whose pages are taken, 0 being the articles",
    )
    max_bytes: int = Field(
        default=20_000_000,
        gt=0,
        description="largest page, in bytes (file, line, text of a row or response); larger ones fail",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        has_fields = self.format in ("jsonl", "parquet")
        if not self.path and self.format not in CRAWLED:
            raise ValueError("path is missing")
        if is_address(self.path):
            parse(self.path)
            if not has_fields:
                raise ValueError(f"data sets of the Hub are read as jsonl or parquet, not as {self.format}")
        if not _LANGUAGE.fullmatch(self.language):
            raise ValueError("language is one of auto, none, path, attribute, field:NAME or a code such as sw")
        if self.language.startswith("field:") and not has_fields:
            raise ValueError(f"language: {self.language} needs records with fields, which {self.format} has not")
        if self.fields != Fields() and not has_fields:
            raise ValueError(f"fields are for jsonl and parquet, not for {self.format}")
        if self.namespaces != [0] and self.format not in ("dump", "enterprise"):
            raise ValueError(f"namespaces are for dump and enterprise, not for {self.format}")
        if self.url_prefix and self.format not in ("html", "text", "images"):
            raise ValueError(f"url_prefix is for html, text and image files, not for {self.format}")
        return self

    @property
    def patterns(self) -> tuple[str, ...]:
        """Globs of the files it takes from a folder."""
        return tuple(self.include) or DEFAULT_INCLUDE[self.format]


@config
class ReadConfig:
    """What a recipe reads."""

    sources: list[SourceConfig] = Field(min_length=1, description="the sources, at least one, each under its own name")

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [source.name for source in self.sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"several sources are named {', '.join(twice)}; give each its own name")
        return self

    def source(self, name: str) -> SourceConfig:
        """The source of that name; raises ``KeyError`` when there is none."""
        for source in self.sources:
            if source.name == name:
                return source
        raise KeyError(name)
