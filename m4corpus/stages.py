"""From a recipe's sections to its stages; a stage's libraries are imported only when it is built."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from m4corpus.crawl.directory import newest_finished
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.presets import resolved
from m4corpus.errors import UserError
from m4corpus.identify.config import IdentifyConfig
from m4corpus.recipe import Recipe
from m4corpus.sources.config import CRAWLED, ReadConfig
from m4corpus.sources.hub import is_address
from m4corpus.stage import Stage


def build(name: str, recipe: Recipe, base: Path, workdir: Path, limit: int | None = None) -> Stage:
    """The stage called ``name``. ``base`` is where relative paths start, ``workdir`` holds crawls and what later runs
    may use, and ``limit`` is the number of inputs of a trial."""
    match name:
        case "read":
            from m4corpus.sources.stage import ReadStage

            return ReadStage(_crawled(recipe.read, workdir / recipe.name), base, workdir / "cache", limit)
        case "clean":
            from m4corpus.clean.stage import CleanStage

            return CleanStage(recipe.clean)
        case "identify":
            from m4corpus.identify.stage import IdentifyStage

            return IdentifyStage(_with_models_at(recipe.identify, base))
        case "filter":
            from m4corpus.filters.stage import FilterStage

            return FilterStage(recipe.filter)
        case "dedup":
            from m4corpus.dedup.stage import DedupStage

            return DedupStage(recipe.dedup)
        case "chunk":
            from m4corpus.chunk.stage import ChunkStage

            return ChunkStage(recipe.chunk, _located(recipe.embed.encoder, base))
        case "embed":
            from m4corpus.embed.stage import EmbedStage

            return EmbedStage(replace(recipe.embed, encoder=_located(recipe.embed.encoder, base)))
        case "index":
            from m4corpus.index.stage import IndexStage

            return IndexStage(recipe.index)
    raise ValueError(f"no stage is called {name!r}")


def places(recipe: Recipe, base: Path, workdir: Path) -> dict[str, str]:
    """Where each source of the recipe lies on this machine, by name: a full path, or an address of the Hub."""
    read = _crawled(recipe.read, workdir / recipe.name)
    return {
        source.name: source.path if is_address(source.path) else str((base / Path(source.path).expanduser()).absolute())
        for source in read.sources
    }


def _with_models_at(identify: IdentifyConfig, base: Path) -> IdentifyConfig:
    """Paths of models relative to the recipe as full ones."""
    model, varieties = identify.model, identify.varieties
    if model and model.path:
        model = replace(model, path=str((base / model.path).resolve()))
    models = [replace(found, path=str((base / found.path).resolve())) for found in varieties.models]
    return replace(identify, model=model, varieties=replace(varieties, models=models))


def _located(encoder: EncoderConfig, base: Path) -> EncoderConfig:
    """A model directory and what is learnt for it, named relative to the recipe, by full path; a preset, by what it
    stands for."""
    if encoder.postprocess and encoder.postprocess.file:
        file = str((base / Path(encoder.postprocess.file).expanduser()).resolve())
        encoder = replace(encoder, postprocess=replace(encoder.postprocess, file=file))
    directory = base / encoder.name
    return replace(encoder, name=str(directory.resolve())) if directory.is_dir() else resolved(encoder)


def _crawled(read: ReadConfig, root: Path) -> ReadConfig:
    """The sources, those without a path being the newest finished crawl below ``root``."""
    crawl = newest_finished(root)
    sources = []
    for source in read.sources:
        if source.format in CRAWLED and not source.path:
            if crawl is None:
                raise UserError(
                    f"source {source.name}: nothing was crawled into {root} yet",
                    "Run `m4corpus crawl` with the same recipe and work directory first.",
                )
            source = replace(source, path=str(crawl.path.resolve()))
        sources.append(source)
    return replace(read, sources=sources)
