"""How a model measures texts. Kept in a file, it is there again without the libraries that load a model.

What is kept is what was taken from the loaded model, so counts are the same. Whoever names the file names it after all
that decides about its content.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.prompts import Prompts
from m4corpus.embed.transformers.facts import fast_tokenizer, limit, prompts_of
from m4corpus.embed.transformers.loading import passage_module
from m4corpus.errors import IntegrityError
from m4corpus.storage.artifact import FORMAT, read_sealed, sealed
from m4corpus.storage.atomic import write_json

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: Raised when something else is taken from a model, or in another way.
VERSION = 1


@dataclass(frozen=True)
class Measure:
    """A tokenizer that neither truncates nor pads, its token for what it does not know, the most tokens of an input,
    and what stands around texts."""

    tokenizer: Tokenizer
    unknown: int | None
    max_tokens: int
    prompts: Prompts

    @classmethod
    def of(cls, config: EncoderConfig, model: Any) -> Measure:
        """That of a loaded model, for passages; sets the model's limit, if the configuration has one."""
        tokenizer = fast_tokenizer(config, model)
        unknown = getattr(passage_module(config, model).tokenizer, "unk_token_id", None)
        return cls(tokenizer, unknown, limit(config, model), prompts_of(config, model))

    def keep(self, path: Path) -> None:
        """Write to ``path``, atomically."""
        body = {
            "format": FORMAT,
            "version": VERSION,
            "tokenizer": self.tokenizer.to_str(),
            "unknown": self.unknown,
            "max_tokens": self.max_tokens,
            "prompts": asdict(self.prompts),
        }
        write_json(path, sealed(body))

    @classmethod
    def kept(cls, path: Path) -> Measure | None:
        """What :meth:`keep` wrote; None where there is nothing, or something else."""
        from tokenizers import Tokenizer

        try:
            body = read_sealed(path)
        except (OSError, IntegrityError):
            return None
        if body.get("version") != VERSION:
            return None
        tokenizer = Tokenizer.from_str(body["tokenizer"])
        return cls(tokenizer, body["unknown"], body["max_tokens"], Prompts(**body["prompts"]))
