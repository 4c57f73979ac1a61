"""Templates of what an encoder reads, and the base classes of tokenizers and encoders that use them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from m4corpus.embed.instructions import Mode, instruction, instructions_digest
from m4corpus.errors import UserError

if TYPE_CHECKING:
    from m4corpus.embed.encoder import Vectors

_PLACE = re.compile(r"\{(text|title|instruction)\}")
_SURROGATE = re.compile("[\ud800-\udfff]")
PLAIN = "{text}"


@dataclass(frozen=True)
class Prompts:
    """The templates for queries and passages.

    Braces other than ``{text}``, ``{title}`` (passages) and ``{instruction}`` (queries) stand for themselves.
    ``instruction`` says what fills the last; None is ``english``.
    """

    query: str = PLAIN
    passage: str = PLAIN
    instruction: Mode | None = None

    def __post_init__(self) -> None:
        for option, template in (("query_prompt", self.query), ("passage_prompt", self.passage)):
            if "{text}" not in template:
                raise UserError(
                    f"encoder: {option} {template!r} does not say where the text goes",
                    f"Put {{text}} there, for example {template.rstrip() + ' {text}'!r}.",
                )
        if "{title}" in self.query:
            raise UserError(
                "encoder: query_prompt uses {title}, but a query has no title",
                "Only {text} and {instruction} stand there.",
            )
        if "{instruction}" in self.passage:
            raise UserError("encoder: passage_prompt uses {instruction}, which is for queries", "Leave it out.")
        if self.instruction and not self.instructed:
            raise UserError(
                f"encoder: instruction: {self.instruction} has no effect, since query_prompt does not use it",
                "Put {instruction} into query_prompt, or leave 'instruction' out.",
            )

    @property
    def titled(self) -> bool:
        """Whether a passage is read with its title."""
        return "{title}" in self.passage

    @property
    def instructed(self) -> bool:
        """Whether a query is read with an instruction."""
        return "{instruction}" in self.query

    def identity(self) -> dict[str, Any]:
        """The templates, and the instructions where they are used, as part of an encoder's identity."""
        templates = {"query_prompt": self.query, "passage_prompt": self.passage}
        if not self.instructed:
            return templates
        return {**templates, "instruction": self.instruction or "english", "instructions": instructions_digest()}

    def for_query(self, text: str, language: str = "") -> str:
        """The input for a query in ``language``, by any of its codes and names; empty when unknown."""
        told = instruction(language, self.instruction or "english").text if self.instructed else ""
        return _filled(self.query, text, "", told)

    def for_passage(self, text: str, title: str = "") -> str:
        """The input for a passage."""
        return _filled(self.passage, text, title)


def _filled(template: str, text: str, title: str, told: str = "") -> str:
    """One pass over the template, so that braces in a text are left alone."""
    values = {"text": text, "title": title, "instruction": told}
    return _PLACE.sub(lambda place: values[place[1]], template)


class PromptedTokenizer(ABC):
    """What follows from a tokenizer and prompts; see :class:`~m4corpus.embed.encoder.Tokenizer`."""

    prompts: Prompts

    @property
    @abstractmethod
    def max_tokens(self) -> int:
        """Longest input, in tokens, that is read to its end."""

    @abstractmethod
    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """``(start, end)`` in characters of each token of the bare text."""

    @abstractmethod
    def count_inputs(self, inputs: Sequence[str]) -> list[int]:
        """Tokens of each input, with the model's own marks."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each passage as the model reads it, with an empty title."""
        return self.count_inputs([self.prompts.for_passage(text) for text in texts])

    def passages(self, texts: Sequence[str], titles: Sequence[str] | None = None) -> list[str]:
        """The input for each passage; a title that does not fit beside its text is cut at a token."""
        if titles is None or not self.prompts.titled:
            return [self.prompts.for_passage(text) for text in texts]
        inputs = [self.prompts.for_passage(text, title) for text, title in zip(texts, titles, strict=True)]
        for i, tokens in enumerate(self.count_inputs(inputs)):
            if tokens > self.max_tokens:
                inputs[i] = self._with_shorter_title(texts[i], titles[i], tokens - self.max_tokens)
        return inputs

    def queries(self, texts: Sequence[str], languages: Sequence[str] | None = None) -> list[str]:
        """The input for each query, ``languages`` being theirs by any code or name, empty where unknown; lone
        surrogates, which a terminal may hand on, become U+FFFD."""
        known = [""] * len(texts) if languages is None else languages
        return [
            self.prompts.for_query(_SURROGATE.sub("\ufffd", text), language)
            for text, language in zip(texts, known, strict=True)
        ]

    def _with_shorter_title(self, text: str, title: str, excess: int) -> str:
        ends = [end for _, end in self.token_offsets(title)]
        while ends and excess > 0:
            del ends[-excess:]
            shorter = self.prompts.for_passage(text, title[: ends[-1]].rstrip() if ends else "")
            # Tokens at the seams may join or split, so the result is counted, not assumed.
            excess = self.count_inputs([shorter])[0] - self.max_tokens
        return shorter if ends else self.prompts.for_passage(text)


class PromptedEncoder(PromptedTokenizer):
    """What follows from a tokenizer, prompts and a network; see :class:`~m4corpus.embed.encoder.Encoder`."""

    @abstractmethod
    def encode(self, inputs: Sequence[str]) -> Vectors:
        """Vectors of inputs."""

    def encode_batches(self, batches: Iterable[Sequence[str]]) -> Iterator[Vectors]:
        """Vectors of each batch of inputs."""
        return map(self.encode, batches)

    def encode_queries(self, texts: Sequence[str], languages: Sequence[str] | None = None) -> Vectors:
        """Vectors of queries, ``languages`` being theirs."""
        return self.encode(self.queries(texts, languages))
