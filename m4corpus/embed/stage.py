"""The embed stage: every chunk gets a vector, part by part and in the order of the chunks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from m4corpus.embed import encoder
from m4corpus.embed.config import EmbedConfig, EncoderConfig
from m4corpus.embed.presets import resolved
from m4corpus.embed.step import WINDOW, Embedding, EmbedStep, Passage, schema, to_batch
from m4corpus.errors import IntegrityError, UserError
from m4corpus.images import ImageStore
from m4corpus.mapstage import Rows, map_phase
from m4corpus.reuse import Donor, Forecast, forecast
from m4corpus.stage import Phase, Stage, StageContext
from m4corpus.storage.artifact import Artifact, Completion
from m4corpus.storage.digests import digest_of

if TYPE_CHECKING:
    import pyarrow as pa

    from m4corpus.embed.postprocess.config import Quantisation

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
        # These are in the encoder's fingerprint, files by their content.
        del options["postprocess"], options["backend"], options["weights"], options["code_revision"]
        if self.config.encoder.device == "cpu":
            del config["batch_size"]
        else:
            config["window"] = WINDOW
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
        rows = Rows(self._schema(context), partial(to_batch, quantise=self._quantise), _weightless)
        step = EmbedStep(self.config, cache, ImageStore.beside(context.cache))
        return [map_phase(PHASE, context, "chunk", Passage, step, rows, columns=COLUMNS)]

    def forecast(self, context: StageContext) -> Forecast | None:
        """By reading the chunks and the donor's ledger."""
        if context.donor is None:
            return None
        chunks = Artifact.open(context.inputs["chunk"])
        parts = [chunks.directory / part.path for part in chunks.parts()]
        return forecast(parts, list(COLUMNS), (), Donor.of(context.donor, self._schema(context)), "chunks")

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

    @property
    def _quantise(self) -> Quantisation:
        after = self.config.encoder.postprocess
        return after.quantise if after else "none"

    def _schema(self, context: StageContext) -> Callable[[], pa.Schema]:
        return partial(schema, self._identity(context)["dimension"], self._quantise)

    def _identity(self, context: StageContext) -> dict[str, Any]:
        """The encoder's identity, known without loading it where it made an earlier artifact."""
        return dict(context.donor.info["identity"]) if context.donor else self._encoder.identity()

    def _invariant(self, context: StageContext) -> bool:
        return context.donor is not None or self._encoder.batch_invariant

    @cached_property
    def _encoder(self) -> encoder.Encoder:
        return encoder.load(self.config.encoder)


def encoder_config(
    info: dict[str, Any],
    trust_remote_code: bool = False,
    *,
    directory: Path | None = None,
    learnt: Path | None = None,
) -> EncoderConfig:
    """The configuration recorded by :meth:`EmbedStage.info`, for encoding queries on this machine.

    Vectors made on a GPU can be searched without one: the model then runs on the CPU. Where the record is older than
    ``code_revision``, that of the preset is taken, if there is one. A record may come from
    somebody else, so it does not decide that the model's own Python code runs: ``trust_remote_code`` has to say so too.
    ``directory`` is where a model lies that was a directory, ``learnt`` where the file of post-processing does; without
    them they are looked for where they lay when the vectors were made.

    Raises:
        UserError: the model brings code that is not trusted; it was a directory that does not exist here, or
            ``directory`` holds another.
        IntegrityError: the directory holds another model than it did.
    """
    config = EncoderConfig(**info["config"])
    if config.trust_remote_code and not trust_remote_code:
        raise UserError(
            "the encoder of this snapshot brings code of its own",
            "pass --trust-remote-code (or trust_remote_code=True) if you trust it",
        )
    config = _directed(resolved(config), info.get("identity", {}).get("files", ""), directory)
    after = config.postprocess
    if after is not None and after.file:
        if learnt is not None:
            config = replace(config, postprocess=replace(after, file=str(learnt)))
        elif not Path(after.file).expanduser().is_file():
            raise UserError(
                f"the vectors of this snapshot were post-processed with '{after.file}', which does not exist here",
                "Put the same file at that path (its SHA-256 is in the snapshot's manifest, under 'encoder').",
            )
    if config.device == "cpu":
        return config
    import torch

    usable = torch.backends.mps.is_available() if config.device == "mps" else torch.cuda.is_available()
    return config if usable else replace(config, device="cpu")


def _directed(config: EncoderConfig, recorded: str, directory: Path | None) -> EncoderConfig:
    """The configuration with the place where a model directory lies now, of which the files have the digest
    ``recorded`` (empty where it is not known): compared before anything of it is loaded."""
    if config.name in encoder.NAMED or config.revision:
        if directory is not None:
            raise UserError(
                f"the encoder of this snapshot is '{config.name}' and no directory", "Leave out --encoder-path."
            )
        return config
    place = Path(config.name).expanduser() if directory is None else directory.expanduser().resolve()
    if not place.is_dir():
        wanted = f" (files digest {recorded})" if recorded else ""
        was = f"the encoder of this snapshot was the model directory '{config.name}'{wanted}"
        raise UserError(
            f"{was}, which does not exist here" if directory is None else f"{was}, and there is no '{directory}'",
            "Say where the same model lies: --encoder-path DIR (encoder_path=... in Python); or rebuild the snapshot "
            "with a model that is here.",
        )
    if directory is not None:
        config = replace(config, name=str(place))
    found = encoder.provenance(replace(config, postprocess=None)).get("files", "") if recorded else ""
    if found != recorded:
        raise (IntegrityError if directory is None else UserError)(
            f"the model in '{place}' is not the one this snapshot was built with: its files digest is {found}, that of "
            f"the vectors' model {recorded}",
            "Give the directory of that model, with nothing added to it or left out.",
        )
    return config


def _weightless(embedding: Embedding) -> int:
    """Vectors are all of one size, so rows alone bound their groups."""
    return 0
