"""The step that turns documents into chunks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from m4corpus.chunk.config import ChunkConfig
from m4corpus.chunk.drive import drive
from m4corpus.chunk.headings import heading_paths
from m4corpus.chunk.labels import passage_languages
from m4corpus.chunk.sentences import sentences
from m4corpus.chunk.split import Span, split
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import Tokenizer, load_tokenizer
from m4corpus.errors import UserError
from m4corpus.images import image_of
from m4corpus.ledger import Drop, Verdict
from m4corpus.records import Chunk, Document
from m4corpus.steps import Step


class ChunkStep(Step):
    """Cuts documents into passages the encoder reads to their end; each is exactly ``document.text[start:end]``.

    A document that holds nothing but white space is dropped by the rule ``no-text``. ``kept`` is where the encoder's
    tokenizer is kept; see :func:`~m4corpus.embed.encoder.load_tokenizer`.
    """

    name = "chunk"
    #: Documents whose texts are counted together.
    batch_size = 64

    def __init__(self, config: ChunkConfig, encoder: EncoderConfig, kept: Path | None = None) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.kept = kept
        self._tokenizer: Tokenizer | None = None
        self._marks = 0

    def prepare(self) -> None:
        """Load the encoder's tokenizer; raises :class:`UserError` when chunks of the size do not fit the encoder."""
        self._tokenizer = load_tokenizer(self.encoder, self.kept)
        check_size(self.config, self.encoder, self._tokenizer.max_tokens)
        self._marks = self._tokenizer.count_tokens([""])[0]
        if self._marks >= self.config.size:
            raise UserError(
                f"chunk: size is {self.config.size} tokens, and encoder '{self.encoder.name}' adds {self._marks} "
                "to every text (its marks and prompt)",
                "Raise the size in the section 'chunk'.",
            )

    def close(self) -> None:
        """Let go of the tokenizer, so that the step can be pickled again."""
        self._tokenizer = None

    def process(self, record: Document) -> Iterable[Chunk]:
        """The chunks of one document."""
        result = self.process_batch([record])[0]
        if isinstance(result, Verdict):
            raise result
        return result

    def process_batch(self, records: Sequence[Document]) -> list[list[Chunk] | Verdict]:
        """The chunks of each document; sentences of all of them are counted together."""
        if self._tokenizer is None:
            raise RuntimeError("ChunkStep.prepare() has not been called")
        tasks = [
            split(d.text, sentences(d.text, d.blocks, d.language, d.script), self.config, self._marks) for d in records
        ]
        found = drive(tasks, self._tokenizer.count_tokens)
        return [_chunks(document, spans) for document, spans in zip(records, found, strict=True)]


def check_size(config: ChunkConfig, encoder: EncoderConfig, limit: int) -> None:
    """Raise :class:`UserError` when the encoder would not read chunks of the configured size to their end."""
    if limit < config.size:
        raise UserError(
            f"chunk: size is {config.size} tokens, but encoder '{encoder.name}' reads only {limit}",
            f"Set size in the section 'chunk' to {limit} or less, or choose an encoder that reads more.",
        )


def _chunks(document: Document, spans: list[Span] | Verdict) -> list[Chunk] | Verdict:
    if isinstance(spans, Verdict):
        return spans
    if not spans:
        return Drop("no-text", f"chars={len(document.text)}")
    image = image_of(document.metadata)
    if image:
        # One image is one passage, whatever the length of its caption.
        spans = spans[:1]
    paths = heading_paths(document.text, document.blocks, [span.body for span in spans])
    languages = passage_languages(document, spans)
    return [
        Chunk(
            id=f"{document.id}#{index}",
            document_id=document.id,
            index=index,
            start=span.start,
            end=span.end,
            tokens=span.tokens,
            text=document.text[span.start : span.end],
            title=document.title,
            headings=path,
            language=language,
            script=script,
            language_confidence=document.language_confidence,
            hint_agreement=document.hint_agreement,
            # A variety is one of the document's language: a passage in another has none.
            variety=document.variety if language == document.language else "",
            variety_confidence=document.variety_confidence if language == document.language else 0.0,
            variety_evidence=document.variety_evidence if language == document.language else "",
            flags=list(document.flags),
            url=document.url,
            revision=document.revision,
            licence=document.licence,
            source=document.source,
            image=image,
        )
        for index, (span, path, (language, script)) in enumerate(zip(spans, paths, languages, strict=True))
    ]
