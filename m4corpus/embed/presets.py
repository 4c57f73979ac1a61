"""Encoders known by a short name, with everything a recipe would have to say about them.

The facts are ``resources/encoders.yaml``. A preset fills in what a recipe leaves open; what is recorded with an
artifact is the outcome, so a later change of a preset changes no snapshot.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from m4corpus.embed.config import EncoderConfig
from m4corpus.errors import UserError


@dataclass(frozen=True, slots=True)
class Preset:
    """A row of ``encoders.yaml``, where each field is described. None is what could not be verified."""

    name: str
    model: str | None
    revision: str | None
    dimension: int | None
    max_tokens: int | None
    pooling: str | None
    languages: tuple[str, ...] | None
    licence: str | None
    memory_mib: int | None
    weights: str | None
    source: str
    notes: str
    query_prompt: str | None = None
    passage_prompt: str | None = None
    query_task: str | None = None
    passage_task: str | None = None
    code: bool = False
    code_revision: str | None = None
    images: bool = False

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


@cache
def presets() -> dict[str, Preset]:
    """All presets by name, in the order of the file."""
    content = yaml.safe_load((files("m4corpus") / "resources" / "encoders.yaml").read_text(encoding="utf-8"))
    return {
        name: Preset(**{**row, "name": name, "languages": row["languages"] and tuple(row["languages"])})
        for name, row in content.items()
    }


def preset_of(config: EncoderConfig) -> Preset | None:
    """The preset an encoder is, named by the preset's name or by the model's Hub id; a directory is none."""
    if Path(config.name).expanduser().is_dir():
        return None
    known = presets()
    return known.get(config.name) or next((found for found in known.values() if found.model == config.name), None)


def resolved(config: EncoderConfig) -> EncoderConfig:
    """The configuration with a preset's name replaced by the model and all that follows; others as they are.

    What the recipe says itself stays. A model that a recipe names by its Hub id has nothing filled in but the commit
    of the code it borrows, where the recipe trusts code and pins the preset's revision.

    Raises:
        UserError: the preset has no published model, no revision, or brings code that the recipe does not trust.
    """
    preset = preset_of(config)
    if preset is None:
        return config
    if config.name != preset.name:
        known = config.trust_remote_code and not config.code_revision and config.revision == preset.revision
        return replace(config, code_revision=preset.code_revision or "") if known else config
    if preset.model is None:
        raise UserError(f"encoder '{preset.name}' has no published weights that we know of", preset.notes)
    revision = config.revision or preset.revision
    if not revision:
        raise UserError(
            f"encoder '{preset.name}' ({preset.model}) needs a revision: none could be verified",
            "Put the commit hash shown on its Hub page, under 'Files', into 'revision'.",
        )
    if preset.code and not config.trust_remote_code:
        raise UserError(
            f"encoder '{preset.name}' ({preset.model}) brings Python code of its own",
            "Read it at the pinned revision; if you trust it, set 'trust_remote_code: true'.",
        )
    return replace(
        config,
        name=preset.model,
        revision=revision,
        code_revision=config.code_revision or preset.code_revision or "",
        query_prompt=preset.query_prompt if config.query_prompt is None else config.query_prompt,
        passage_prompt=preset.passage_prompt if config.passage_prompt is None else config.passage_prompt,
        query_task=preset.query_task if config.query_task is None else config.query_task,
        passage_task=preset.passage_task if config.passage_task is None else config.passage_task,
    )
