"""A model's tokenizer kept in a file counts as the model's own, and needs no library that loads models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fresh import modules_loaded_by
from vector_work import texts

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import load_tokenizer

INPUTS = ["", "kite", "凧", "\u200b", *texts(12)]


def measured(tokenizer: Any) -> list[Any]:
    """All that is asked of a tokenizer."""
    return [
        tokenizer.max_tokens,
        tokenizer.count_tokens(INPUTS),
        [tokenizer.token_offsets(text) for text in INPUTS],
        tokenizer.unknown_tokens(INPUTS),
        tokenizer.passages(INPUTS, INPUTS[::-1]),
        tokenizer.queries(INPUTS),
    ]


@pytest.mark.parametrize(
    "options",
    [{}, {"max_tokens": 24}, {"passage_prompt": "passage: {title} {text}", "query_prompt": "query: {text}"}],
    ids=["own", "limit", "prompts"],
)
@pytest.mark.parametrize("kind", ["tiny_model", "tiny_clip"])
def test_it_measures_as_the_models_own(
    kind: str, options: dict[str, Any], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    config = EncoderConfig(name=str(request.getfixturevalue(kind)), **options)
    path = tmp_path / "deep" / "tokenizer.json"
    own, first, again = load_tokenizer(config), load_tokenizer(config, path), load_tokenizer(config, path)
    assert path.is_file()
    assert measured(own) == measured(first) == measured(again)


def test_it_needs_no_library_that_loads_models(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    counts = load_tokenizer(EncoderConfig(name=str(tiny_model)), path).count_tokens(INPUTS)
    code = (
        "from pathlib import Path\nfrom m4corpus.embed.config import EncoderConfig\n"
        "from m4corpus.embed.encoder import load_tokenizer\n"
        f"tokenizer = load_tokenizer(EncoderConfig(name={str(tiny_model)!r}), Path({str(path)!r}))\n"
        f"assert tokenizer.count_tokens({INPUTS!r}) == {counts}"
    )
    assert modules_loaded_by(code) & {"torch", "transformers", "sentence_transformers", "huggingface_hub"} == set()


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"format": 1}'], ids=["empty", "nothing", "unsealed"])
def test_what_was_damaged_is_made_again(damage: bytes, tiny_model: Path, tmp_path: Path) -> None:
    config, path = EncoderConfig(name=str(tiny_model)), tmp_path / "tokenizer.json"
    counts = load_tokenizer(config, path).count_tokens(INPUTS)
    whole = path.read_bytes()
    path.write_bytes(damage)
    assert load_tokenizer(config, path).count_tokens(INPUTS) == counts
    assert path.read_bytes() == whole
