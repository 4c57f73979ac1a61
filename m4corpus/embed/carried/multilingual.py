"""The default encoder: the Universal Sentence Encoder where it can read a text, its student where it cannot.

Both give vectors in one space. A gate learnt with the student says how likely a text is in none of the teacher's
languages; for close relatives of the teacher's languages the two vectors are mixed. The student has a small share in
every longer text, so that passages in the teacher's languages come nearer to those in the student's; and the teacher
reads the names in the student's texts (:mod:`m4corpus.embed.carried.names`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from m4corpus.embed.carried import names
from m4corpus.embed.carried.student import FORWARD, MODEL, Lent, Student, Sums, card, checked, load_student
from m4corpus.embed.carried.student_words import first_words
from m4corpus.embed.carried.use import MARKS, UseMultilingual
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.files import content_digest
from m4corpus.packages import installed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from m4corpus.embed.carried.student import Vocabulary
    from m4corpus.embed.encoder import Vectors

#: The chance that the teacher can read a text, by the gate, up to which it has no share in the vector, and from which
#: on it reads it itself. A few words, of which the gate knows little, are left to it sooner.
NEVER, ALWAYS, ALWAYS_SHORT = 0.1, 0.9, 0.38
#: The teacher's share of the vector of a text it can read, of more than :data:`~m4corpus.embed.carried.names.SHORT`
#: words.
MOST = 0.85
#: The weight of a name found by its sound beside one that is read as written: it may be another.
BY_SOUND = 0.5
# Greek, Devanagari, Bengali, Tamil, Telugu, Sinhala and Ethiopic: what is mostly written in one of them is left to the
# student, also where the gate knows none of its words.
_STUDENTS_SCRIPTS = re.compile(
    "[\u0370-\u03ff\u1f00-\u1fff\u0900-\u09ff\u0b80-\u0c7f\u0d80-\u0dff\u1200-\u139f\u2d80-\u2ddf]"
)
_LETTER = re.compile(r"[^\W\d_]")
#: A share of a mixture below this is none at all, and its reader is not asked.
NEGLIGIBLE = 0.02


class Multilingual(UseMultilingual):
    """512 dimensions; all languages of the registry. Vectors in the teacher's languages are mostly the teacher's.

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
            "packages": {**teacher["packages"], "anyascii": installed("anyascii")},
            "student": {
                "forward": FORWARD,
                "version": card()["version"],
                "names": names.VERSION,
            },
        }

    def encode(self, inputs: Sequence[str]) -> Vectors:
        """Unit vectors of inputs: float32 ``(len(inputs), 512)``."""
        import numpy as np

        heard = self._student.sums(inputs, self.max_tokens)
        begun = self._within(inputs, heard)
        readable = self._readable(begun, heard)
        own = _shares(readable, heard)
        both = (own > 0) & (own < 1)
        vectors = np.zeros((len(inputs), self.dimension), dtype=np.float32)
        if (taught := np.flatnonzero(own > 0)).size:
            vectors[taught] = super().encode([inputs[i] for i in taught.tolist()])
            vectors[both] *= own[both, None]
        if (read := np.flatnonzero(own < 1)).size:
            lent = self._lent(begun, heard, readable).take(read)
            vectors[read] += self._student.vectors(heard.take(read), lent) * (1 - own[read])[:, None]
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
        heard = self._student.sums(inputs, self.max_tokens)
        return _shares(self._readable(self._within(inputs, heard), heard), heard)

    def _within(self, inputs: Sequence[str], heard: Sums) -> list[str]:
        """The texts as far as the student reads them."""
        longest = self.max_tokens
        return [
            text if words < longest else first_words(text, longest)
            for text, words in zip(inputs, heard.words.tolist(), strict=True)
        ]

    def _readable(self, inputs: Sequence[str], heard: Sums) -> NDArray[np.float32]:
        """How far the teacher can read each text, from 0 to 1."""
        import numpy as np

        chance = 1 / (1 + np.exp(np.clip(self._student.foreign(heard), -30, 30)))
        always = np.where(heard.words <= names.SHORT, ALWAYS_SHORT, ALWAYS)
        share = np.clip((chance - NEVER) / (always - NEVER), 0, 1)
        share[[i for i in np.flatnonzero(share).tolist() if _for_the_student(inputs[i])]] = 0
        return np.where(share < NEGLIGIBLE, 0, np.where(share > 1 - NEGLIGIBLE, 1, share)).astype(np.float32)

    def _lent(self, inputs: Sequence[str], heard: Sums, readable: NDArray[np.float32]) -> Lent:
        """What the teacher reads for the student in the texts it cannot wholly read itself."""
        import numpy as np

        lent = Lent(np.zeros((len(inputs), self.dimension), np.float32), np.zeros(len(inputs), np.int64))
        texts = np.flatnonzero(readable < 1)
        found = self._names.found([inputs[i] for i in texts.tolist()], heard.words[texts].tolist())
        for words, weight in zip(found, (1, BY_SOUND), strict=True):
            if there := [i for i, some in enumerate(words) if some]:
                sequences = self._shortened(self._ids([words[i] for i in there]))
                lent.sums[texts[there]] += np.float32(weight) * self._model.features(sequences)
                lent.tokens[texts[there]] += [len(ids) - MARKS for ids in sequences]
        return lent

    @property
    def _names(self) -> names.Names:
        return _names(self._tokenizer, self._student.vocabulary)

    @cached_property
    def _student(self) -> Student:
        return load_student(checked())


# Once a process: a worker makes an encoder for every task, and names are thought about once.
@lru_cache(maxsize=1)
def _names(tokenizer: Any, vocabulary: Vocabulary) -> names.Names:
    return names.Names(tokenizer, vocabulary)


def _shares(readable: NDArray[np.float32], heard: Sums) -> NDArray[np.float32]:
    import numpy as np

    return np.where(heard.words <= names.SHORT, readable, readable * np.float32(MOST))


def _for_the_student(text: str) -> bool:
    """Whether most letters of a text are of scripts that no language of the teacher's is written in."""
    if text.isascii():
        return False
    unread = len(_STUDENTS_SCRIPTS.findall(text))
    return unread > 0 and 2 * unread > len(_LETTER.findall(text))
