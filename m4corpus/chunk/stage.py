"""The chunk stage: documents become chunks, part by part, measured with the encoder's own tokenizer."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from m4corpus.chunk.config import ChunkConfig
from m4corpus.chunk.step import ChunkStep, check_size
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import NAMED, fingerprint, load_tokenizer
from m4corpus.mapstage import MapStage
from m4corpus.records import Chunk, Document, Record
from m4corpus.stage import StageContext
from m4corpus.tables import tables_digest


class ChunkStage(MapStage):
    """Cuts every document into chunks.

    Raises:
        UserError: the encoder reads fewer tokens than a chunk may have. The own limit of a model that has to be loaded
            to tell is checked when it is, before the first document.
    """

    name: ClassVar[str] = "chunk"
    version: ClassVar[int] = 3
    needs: ClassVar[tuple[str, ...]] = ("dedup",)
    reads: ClassVar[type[Record]] = Document
    writes: ClassVar[type[Record]] = Chunk
    packages: ClassVar[tuple[str, ...]] = ("regex", "sentencex")
    config: ChunkConfig

    def __init__(self, config: ChunkConfig, encoder: EncoderConfig) -> None:
        super().__init__(config)
        self.encoder = encoder
        if encoder.name in NAMED:
            check_size(config, encoder, load_tokenizer(encoder).max_tokens)
        elif encoder.max_tokens is not None:
            check_size(config, encoder, encoder.max_tokens)

    def resources(self) -> dict[str, str]:
        """The tokenizer, by the model it belongs to and the prompt it is given with every chunk; the tables, which name
        languages; and the libraries that know sentences and grapheme clusters. Options that change vectors alone are
        left out: they move no chunk."""
        neutral = EncoderConfig(
            name=self.encoder.name,
            revision=self.encoder.revision,
            passage_prompt=self.encoder.passage_prompt,
            passage_task=self.encoder.passage_task,
            trust_remote_code=self.encoder.trust_remote_code,
            code_revision=self.encoder.code_revision,
        )
        return {**super().resources(), "tables": tables_digest(), "tokenizer": fingerprint(neutral)}

    def step(self, context: StageContext) -> ChunkStep:
        """The work itself. A model is loaded for its tokenizer once, and not by later builds."""
        if self.encoder.name in NAMED:
            return ChunkStep(self.config, self.encoder)
        bare = fingerprint(replace(self.encoder, postprocess=None))
        return ChunkStep(self.config, self.encoder, context.cache / "tokenizers" / f"{bare[:12]}.json")
