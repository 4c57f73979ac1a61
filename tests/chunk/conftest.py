"""Tokenizers to chunk with: a simple one, and the default encoder's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import Encoder, load

_WORD = re.compile(r"\S{1,6}|\n")


def count_words(texts: Sequence[str]) -> list[int]:
    """Two marks, and a token for every line break and for every six characters of a word."""
    return [2 + len(_WORD.findall(text)) for text in texts]


@pytest.fixture(scope="session")
def words() -> Callable[[Sequence[str]], list[int]]:
    """A tokenizer for which joining texts costs a token for each line break."""
    return count_words


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """The default encoder."""
    return load(EncoderConfig())
