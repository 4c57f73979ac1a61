"""The embed stage: every chunk gets a vector, part by part and in the order of the chunks."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

from m4corpus.embed import encoder
from m4corpus.embed.config import EmbedConfig, EncoderConfig
from m4corpus.embed.step import Embedding, EmbedStep, Passage, schema, to_batch
from m4corpus.errors import UserError
from m4corpus.images import ImageStore
from m4corpus.mapstage import Rows, map_phase
from m4corpus.stage import Phase, Stage, StageContext
from m4corpus.storage.artifact import Artifact, Completion
from m4corpus.storage.digests import digest_of

PHASE = "embed"
#: What is read of a chunk.
COLUMNS = ("id", "text", "title", "language", "image")


class EmbedStage(Stage):
    """Embeds the chunks. Loading the encoder is put off until there is something to embed."""

    name: ClassVar[str] = "embed"
    needs: ClassVar[tuple[str, ...]] = ("chunk",)
    #: numpy brings the BLAS, and so the order in which products are summed.
    packages: ClassVar[tuple[str, ...]] = ("numpy",)
    config: EmbedConfig

    def config_dict(self) -> dict[str, Any]:
        """The configuration less what cannot change a vector: where a model's directory lies, and, on the CPU, what
        else was in the batch."""
        config = super().config_dict()
        options = config["encoder"]
        if Path(options["name"]).expanduser().is_dir():
            del options["name"]
        # What is done after the model is in the encoder's fingerprint, with the file by its content.
        del options["postprocess"]
        if self.config.encoder.device == "cpu":
            del config["batch_size"]
        return config

    def resources(self) -> dict[str, str]:
        """The encoder (its model by revision or content, its packages, its options) and what it computes with."""
        return {**super().resources(), "encoder": encoder.fingerprint(self.config.encoder)}

    def takes(self, donor: Artifact) -> bool:
        """Not where what else was in a vector's batch can be seen in it."""
        return bool(donor.info.get("batch_invariant"))

    def phases(self, context: StageContext) -> list[Phase]:
        """One phase, a task for each part of chunks."""
        # The cache holds vectors as the model gave them, whatever is done to them afterwards.
        bare = {**self.resources(), "encoder": encoder.fingerprint(replace(self.config.encoder, postprocess=None))}
        cache = context.cache / "vectors" / digest_of(bare)[:12] / "vectors.sqlite"
        after = self.config.encoder.postprocess
        quantise = after.quantise if after else "none"
        columns = partial(schema, self._identity(context)["dimension"], quantise)
        rows = Rows(columns, partial(to_batch, quantise=quantise), _weightless)
        step = EmbedStep(self.config, cache, ImageStore.beside(context.cache))
        return [map_phase(PHASE, context, "chunk", Passage, step, rows, columns=COLUMNS)]

    def info(self, context: StageContext) -> dict[str, Any]:
        """The encoder in full, so that a snapshot can load it again, and how many texts it read only in part."""
        identity = self._identity(context)
        tasks = len(Artifact.open(context.inputs["chunk"]).parts())
        done = [Completion.read(context.completion(PHASE, rank)) for rank in range(tasks)]
        return {
            "identity": identity,
            "fingerprint": digest_of(identity),
            "config": asdict(self.config.encoder),
            "batch_invariant": self._invariant(context),
            "truncated": sum(completion.info.get("truncated", 0) for completion in done),
        }

    def _identity(self, context: StageContext) -> dict[str, Any]:
        """The encoder's identity, known without loading it where it made an earlier artifact."""
        return dict(context.donor.info["identity"]) if context.donor else self._encoder.identity()

    def _invariant(self, context: StageContext) -> bool:
        return context.donor is not None or self._encoder.batch_invariant

    @cached_property
    def _encoder(self) -> encoder.Encoder:
        return encoder.load(self.config.encoder)


def encoder_config(info: dict[str, Any], trust_remote_code: bool = False) -> EncoderConfig:
    """The configuration recorded by :meth:`EmbedStage.info`, for encoding queries on this machine.

    Vectors made on a GPU can be searched without one: the model then runs on the CPU. A record may come from
    somebody else, so it does not decide that the model's own Python code runs: ``trust_remote_code`` has to say so too.

    Raises:
        UserError: the model brings code that is not trusted, or it was a directory that does not exist here.
    """
    config = EncoderConfig(**info["config"])
    if config.trust_remote_code and not trust_remote_code:
        raise UserError(
            "the encoder of this snapshot brings code of its own",
            "pass --trust-remote-code (or trust_remote_code=True) if you trust it",
        )
    if config.name not in encoder.NAMED and not config.revision and not Path(config.name).expanduser().is_dir():
        raise UserError(
            f"the encoder of this snapshot was the model directory '{config.name}', which does not exist here",
            "Put the same model at that path (a relative one starts at the current directory), "
            "or rebuild the snapshot with a model that is here.",
        )
    learnt = config.postprocess.file if config.postprocess else ""
    if learnt and not Path(learnt).expanduser().is_file():
        raise UserError(
            f"the vectors of this snapshot were post-processed with '{learnt}', which does not exist here",
            "Put the same file at that path (its SHA-256 is in the snapshot's manifest, under 'encoder').",
        )
    if config.device == "cpu":
        return config
    import torch

    usable = torch.backends.mps.is_available() if config.device == "mps" else torch.cuda.is_available()
    return config if usable else replace(config, device="cpu")


def _weightless(embedding: Embedding) -> int:
    """Vectors are all of one size, so rows alone bound their groups."""
    return 0
