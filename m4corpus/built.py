"""A snapshot of what is already built, without running anything."""

from __future__ import annotations

from pathlib import Path

from m4corpus.errors import UserError
from m4corpus.pipeline import CACHED, Pipeline
from m4corpus.recipe import portable
from m4corpus.snapshot import create
from m4corpus.stages import places
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.lock import locked


def snapshot_of(pipeline: Pipeline) -> Path:
    """The directory of a snapshot over the artifacts of a recipe, all of which must be up to date.

    Raises :class:`UserError` naming the first stage that is not built, and why.
    """
    with locked(pipeline.workdir):
        steps = pipeline.plan()
        for step in steps:
            if step.state != CACHED:
                raise UserError(
                    f"stage '{step.stage}' of {pipeline.name} is not built: {step.why}",
                    "Run the recipe, which makes a snapshot as well: m4corpus run RECIPE",
                )
        return create(
            pipeline.workdir,
            pipeline.name,
            portable(pipeline.recipe, pipeline.limit),
            {step.stage: Artifact.open(pipeline.root / step.directory) for step in steps},
            places(pipeline.recipe, pipeline.base, pipeline.workdir),
            pipeline.base,
        )
