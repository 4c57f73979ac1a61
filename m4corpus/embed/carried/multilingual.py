"""The default encoder: the Universal Sentence Encoder where it can read a text, its student where it cannot.

Both give vectors in one space. A gate learnt with the student says how likely a text is in none of the teacher's
languages; near the middle, and so for close relatives of the teacher's languages, the two vectors are mixed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from m4corpus.embed.carried.student import FORWARD, MODEL, Student, Sums, card, checked, load_student
from m4corpus.embed.carried.use import UseMultilingual
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.files import content_digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from m4corpus.embed.encoder import Vectors

#: The chance that the teacher can read a text, by the gate, up to which it has no share in the vector, and from which
#: on the vector is its own. Names and unknown words, of which the gate knows nothing, are left to the teacher.
NEVER, ALWAYS = 0.1, 0.38
# Greek, Devanagari, Bengali, Tamil, Telugu, Sinhala and Ethiopic: what is mostly written in one of them is left to the
# student, also where the gate knows none of its words.
_STUDENTS_SCRIPTS = re.compile(
    "[\u0370-\u03ff\u1f00-\u1fff\u0900-\u09ff\u0b80-\u0c7f\u0d80-\u0dff\u1200-\u139f\u2d80-\u2ddf]"
)
_LETTER = re.compile(r"[^\W\d_]")
#: A share of a mixture below this is none at all, and its reader is not asked.
NEGLIGIBLE = 0.02


class Multilingual(UseMultilingual):
    """512 dimensions; all languages of the registry, each of those of the teacher with the teacher's own vectors.

    Tokens, and so the length of chunks, are the teacher's.
    """

    name: ClassVar[str] = "m4-multilingual"

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        checked()

    @property
    def languages(self) -> tuple[str, ...]:  # type: ignore[override]
        """``language_Script`` labels the vectors are meaningful for."""
        return tuple(sorted({*UseMultilingual.languages, *card()["languages"]}))

    def identity(self) -> dict[str, Any]:
        """See :class:`~m4corpus.embed.encoder.Encoder`."""
        teacher = super().identity()
        return {
            **teacher,
            "name": self.name,
            "files": {**teacher["files"], MODEL.name: content_digest(MODEL)},
            "student": {"forward": FORWARD, "version": card()["version"]},
        }

    def encode(self, inputs: Sequence[str]) -> Vectors:
        """Unit vectors of inputs: float32 ``(len(inputs), 512)``."""
        import numpy as np

        heard = self._student.sums(inputs, self.max_tokens)
        own = self._shares(inputs, heard)
        both = (own > 0) & (own < 1)
        vectors = np.zeros((len(inputs), self.dimension), dtype=np.float32)
        if (taught := np.flatnonzero(own > 0)).size:
            vectors[taught] = super().encode([inputs[i] for i in taught.tolist()])
            vectors[both] *= own[both, None]
        if (read := np.flatnonzero(own < 1)).size:
            vectors[read] += self._student.vectors(heard.take(read)) * (1 - own[read])[:, None]
            vectors[both] /= np.sqrt(np.einsum("ij,ij->i", vectors[both], vectors[both]))[:, None]
        return vectors

    def unknown_tokens(self, texts: Sequence[str]) -> list[tuple[int, int]]:
        """Tokens nobody reads, and all tokens, of each bare text: the student reads every text, so what the teacher
        does not know counts as far as its vector does."""
        shares = self.teacher_shares(texts).tolist()
        found = super().unknown_tokens(texts)
        return [(round(unknown * share), total) for (unknown, total), share in zip(found, shares, strict=True)]

    def teacher_shares(self, inputs: Sequence[str]) -> NDArray[np.float32]:
        """How much of each vector is the teacher's, from 0 to 1: float32, one an input."""
        return self._shares(inputs, self._student.sums(inputs, self.max_tokens))

    def _shares(self, inputs: Sequence[str], heard: Sums) -> NDArray[np.float32]:
        import numpy as np

        readable = 1 / (1 + np.exp(np.clip(self._student.foreign(heard), -30, 30)))
        share = np.clip((readable - NEVER) / (ALWAYS - NEVER), 0, 1)
        share[[i for i in np.flatnonzero(share).tolist() if _for_the_student(inputs[i])]] = 0
        return np.where(share < NEGLIGIBLE, 0, np.where(share > 1 - NEGLIGIBLE, 1, share)).astype(np.float32)

    @cached_property
    def _student(self) -> Student:
        return load_student(checked())


def _for_the_student(text: str) -> bool:
    """Whether most letters of a text are of scripts that no language of the teacher's is written in."""
    unread = len(_STUDENTS_SCRIPTS.findall(text))
    return unread > 0 and 2 * unread > len(_LETTER.findall(text))
