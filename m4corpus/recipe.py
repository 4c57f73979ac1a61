"""Recipes: strict YAML that says what to read and how every stage treats it.

A recipe is validated as a whole before anything runs; an unknown key is an error that names the line and the nearest
known key. Relative paths in a recipe start from the directory of the recipe file.
"""

from __future__ import annotations

import difflib
import json
import typing
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import Field, TypeAdapter, ValidationError, field_validator

from m4corpus.chunk.config import ChunkConfig
from m4corpus.clean.config import CleanConfig
from m4corpus.config import config
from m4corpus.crawl.config import MANNERS, CrawlConfig
from m4corpus.dedup.config import DedupConfig
from m4corpus.embed.config import EmbedConfig
from m4corpus.errors import UserError
from m4corpus.filters.config import FilterConfig
from m4corpus.identify.config import IdentifyConfig
from m4corpus.index.config import IndexConfig
from m4corpus.sources.config import ReadConfig

T = TypeVar("T")
#: Characters of a manifest's words that are shown.
_LONGEST_TEXT = 500
#: What a trial's directory and snapshot are called, after the recipe's name.
TRIAL = "-trial"
#: Directories a work directory has beside those of recipes.
RESERVED = ("cache", "datasets", "images", "releases", "snapshots")


@config
class Recipe:
    """A whole recipe: its name and one section for each stage; a section left out takes the stage's defaults."""

    read: ReadConfig = Field(description="What to read: the list of sources.")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,51}$", description="Names the recipe's directory and snapshot.")
    description: str = Field(default="", description="What the corpus is, in a sentence.")
    partitions: int = Field(
        default=8, ge=1, le=4096, description="Parts an artifact is split into: the most that run at once."
    )
    crawl: CrawlConfig | None = Field(
        default=None, description="What to fetch first, with `m4corpus crawl`; a source of format crawl reads it."
    )
    clean: CleanConfig = Field(default_factory=CleanConfig)
    identify: IdentifyConfig = Field(default_factory=IdentifyConfig)
    filter: FilterConfig = Field(default_factory=FilterConfig)
    dedup: DedupConfig = Field(default_factory=DedupConfig)
    chunk: ChunkConfig = Field(default_factory=ChunkConfig)
    embed: EmbedConfig = Field(default_factory=EmbedConfig)
    index: IndexConfig = Field(default_factory=IndexConfig)

    @field_validator("name")
    @classmethod
    def _free(cls, name: str) -> str:
        if name in RESERVED or name.endswith(TRIAL):
            raise ValueError(f"'{name}' is taken by the work directory itself; choose another name")
        return name


def portable(recipe: Recipe, limit: int | None) -> dict[str, Any]:
    """The recipe as data, without the places its sources had on this machine and without whom to write to about its
    crawl; ``limit`` is a trial's, or None."""
    data = asdict(recipe)
    for source in data["read"]["sources"]:
        source["path"] = Path(source["path"]).name
    if data["crawl"]:
        for manner in MANNERS:
            del data["crawl"][manner]
    return data if limit is None else {**data, "limit": limit}


def load(path: Path) -> Recipe:
    """Read and validate a recipe file; raises :class:`UserError` with the line and a suggestion."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"recipe not found: {path}", "Check the path; ready-made recipes are in recipes/.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"cannot read recipe {path}: {error}", "Save it as UTF-8.") from None
    except OSError as error:
        raise UserError(f"cannot read recipe {path}: {error.strerror}") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            _refuse_repeated_keys(path, node)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {str(error).replace('<unicode string>', path.name)}") from None
    except RecursionError:
        raise UserError(f"{path} is nested too deeply, or within itself", "Recipes need no YAML anchors.") from None
    if not isinstance(data, dict):
        raise UserError(f"{path} holds no recipe", "A recipe is a mapping with at least 'name' and 'read'.")
    try:
        # As JSON, where strict types still let a mapping be a section; a section left empty takes its defaults.
        given = {key: value for key, value in data.items() if value is not None}
        return TypeAdapter(Recipe).validate_json(json.dumps(given, default=str), strict=True)
    except ValidationError as error:
        raise _explained(path, node, error) from None


def from_manifest(kind: type[T], data: dict[str, Any], whose: str, made_with: str) -> T:
    """A recipe, or a section of one, as a manifest records it. Raises :class:`UserError` where this m4corpus cannot use
    it; ``whose`` manifest it is and which m4corpus wrote it are for the message."""
    try:
        return TypeAdapter(kind).validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(key) for key in first["loc"])
        raise UserError(
            f"the recipe recorded in {whose} cannot be used by this m4corpus: " + plain(f"{place}: {first['msg']}"),
            f"It was made with m4corpus {plain(made_with)}.",
        ) from None


def plain(said: object) -> str:
    """Text from a manifest as it may be shown: without what a terminal would obey, and not endless."""
    return "".join(c for c in str(said) if c.isprintable())[:_LONGEST_TEXT]


def _explained(path: Path, node: yaml.Node | None, error: ValidationError) -> UserError:
    """Every mistake of a recipe, a line each."""
    lines = []
    for mistake in error.errors(include_url=False):
        place = ".".join(str(key) for key in mistake["loc"])
        where = f"{path}:{_line(node, mistake['loc'])}"
        if mistake["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            lines.append(f"{where}: unknown key '{place}'{_suggestion(mistake['loc'])}")
        elif mistake["type"] == "missing":
            lines.append(f"{where}: '{place}' is missing")
        else:
            said = mistake["msg"].removeprefix("Value error, ")
            lines.append(f"{where}: '{place}': {said} (found {mistake['input']!r:.60})")
    return UserError("\n".join(lines), "Every key is described by 'm4corpus recipe keys'.")


def _suggestion(location: tuple[int | str, ...]) -> str:
    """The nearest known key beside the unknown one."""
    owner: Any = Recipe
    for key in location[:-1]:
        if isinstance(key, str):
            owner = section_of(typing.get_type_hints(owner).get(key)) if owner else None
    known = [f.name for f in fields(owner)] if is_dataclass(owner) else []
    close = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else f"; known here: {', '.join(known)}"


def section_of(annotation: Any) -> Any:
    """The config class a field's type holds, itself or as the items of a list; None for a plain option."""
    while typing.get_args(annotation):
        candidates = [a for a in typing.get_args(annotation) if is_dataclass(a) or typing.get_args(a)]
        annotation = candidates[0] if candidates else None
    return annotation if is_dataclass(annotation) else None


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """Line (from 1) of the deepest part of ``location`` that the file holds."""
    line = 1
    for key in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(key)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
    return line


def _refuse_repeated_keys(path: Path, node: yaml.Node) -> None:
    """YAML keeps the last of two equal keys; a recipe must not lose one silently."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise UserError(f"{path}:{key.start_mark.line + 1}: a key must be a name, not a list or mapping")
            if key.value in seen:
                raise UserError(
                    f"{path}:{key.start_mark.line + 1}: key '{key.value}' appears twice", "Keep one of them."
                )
            seen.add(key.value)
            _refuse_repeated_keys(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated_keys(path, value)
