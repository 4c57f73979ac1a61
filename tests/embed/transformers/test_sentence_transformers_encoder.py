"""sentence-transformers models through the real library, on a tiny model made here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vector_work import passage_vectors, texts

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import Encoder, fingerprint, load, load_tokenizer
from m4corpus.errors import UserError

SENTENCE = "The kite festival is held every spring"


@pytest.fixture(scope="module")
def encoder(tiny_model: Path) -> Any:
    return load(EncoderConfig(name=str(tiny_model)))


@pytest.fixture(scope="module")
def library(tiny_model: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(tiny_model), device="cpu")


def encoded(library: Any, text: str) -> np.ndarray:
    return np.asarray(library.encode([text], prompt="", normalize_embeddings=True)[0])


def test_prompts_the_model_declares_go_to_the_right_side(encoder: Encoder, library: Any) -> None:
    np.testing.assert_allclose(encoder.encode_queries(["kite"])[0], encoded(library, "query: kite"), atol=1e-6)
    np.testing.assert_allclose(passage_vectors(encoder, ["kite"])[0], encoded(library, "passage: kite"), atol=1e-6)
    assert encoder.identity()["query_prompt"] == "query: {text}"


def test_prompts_of_the_recipe_come_first(tiny_model: Path, library: Any) -> None:
    options = {"query_prompt": "{text}", "passage_prompt": "{title} {text}"}
    encoder = load(EncoderConfig(name=str(tiny_model), **options))
    np.testing.assert_allclose(encoder.encode_queries(["kite"])[0], encoded(library, "kite"), atol=1e-6)
    np.testing.assert_allclose(passage_vectors(encoder, ["kite"], ["The"])[0], encoded(library, "The kite"), atol=1e-6)


def test_a_default_prompt_of_the_model_is_not_added_to_ours(tiny_model: Path, tmp_path: Path) -> None:
    bare = {"query_prompt": "{text}", "passage_prompt": "{text}"}
    expected = load(EncoderConfig(name=str(tiny_model), **bare)).encode_queries([SENTENCE])
    directory = shutil.copytree(tiny_model, tmp_path / "model")
    settings = directory / "config_sentence_transformers.json"
    settings.write_text(settings.read_text().replace('"default_prompt_name": null', '"default_prompt_name": "query"'))
    assert '"default_prompt_name": "query"' in settings.read_text()
    encoder = load(EncoderConfig(name=str(directory), **bare))
    assert encoder.encode_queries([SENTENCE]).tobytes() == expected.tobytes()
    assert passage_vectors(encoder, [SENTENCE]).tobytes() == expected.tobytes()


def test_bytes_depend_on_the_text_alone(encoder: Encoder) -> None:
    assert encoder.batch_invariant
    inputs = texts(25)
    alone = np.concatenate([encoder.encode([text]) for text in inputs])
    assert encoder.encode(inputs).tobytes() == alone.tobytes()
    assert encoder.encode(inputs[::-1]).tobytes() == alone[::-1].tobytes()
    np.testing.assert_allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-6)


def test_the_callers_threads_are_left_alone(encoder: Encoder) -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        encoder.encode(["kite"])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_counts_are_what_the_model_reads(encoder: Encoder, library: Any) -> None:
    library.tokenizer.model_max_length = 10_000
    for text in texts(20):
        read = library.tokenizer("passage: " + text)["input_ids"]
        assert encoder.count_tokens([text]) == [len(read)]
    library.tokenizer.model_max_length = 32


def test_a_text_counted_within_the_limit_is_read_whole(tiny_model: Path) -> None:
    encoder = load(EncoderConfig(name=str(tiny_model)))
    words = SENTENCE.split()
    lengths = [encoder.count_tokens([" ".join(words[:n])])[0] for n in range(1, len(words) + 1)]
    fitting = max(n for n, tokens in enumerate(lengths, 1) if tokens <= encoder.max_tokens)
    assert fitting < len(words), "the sentence was meant to be too long"
    passages = [" ".join(words[:fitting]), SENTENCE, SENTENCE + " in the old harbour"]
    whole, longer, longest = passage_vectors(encoder, passages)
    unbounded = passage_vectors(load(EncoderConfig(name=str(tiny_model), max_tokens=64)), passages)
    assert whole.tobytes() == unbounded[0].tobytes()
    assert longer.tobytes() != unbounded[1].tobytes()
    assert longer.tobytes() == longest.tobytes(), "what is beyond the limit is not read"


def test_the_limit_can_be_set_within_the_models_positions(tiny_model: Path) -> None:
    short = load(EncoderConfig(name=str(tiny_model), max_tokens=8))
    assert short.max_tokens == 8
    a, b = passage_vectors(short, ["kite festival", "kite festival in spring"])
    assert a.tobytes() == b.tobytes()
    assert load(EncoderConfig(name=str(tiny_model), max_tokens=64)).encode([" ".join(texts(30))]).shape == (1, 24)
    with pytest.raises(UserError, match="reads at most 64 tokens, not 65"):
        load(EncoderConfig(name=str(tiny_model), max_tokens=65))


def test_offsets_place_every_token(encoder: Encoder) -> None:
    for text in [SENTENCE, *texts(10)]:
        offsets = encoder.token_offsets(text)
        assert len(offsets) == encoder.count_inputs([text])[0] - 2
        assert [start for start, _ in offsets] == sorted(start for start, _ in offsets)
        assert [end for _, end in offsets] == sorted(end for _, end in offsets)
        covered = {at for start, end in offsets for at in range(start, end)}
        assert all(text[at].isspace() for at in range(len(text)) if at not in covered)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_other_types_are_near_and_stored_as_float32(tiny_model: Path, encoder: Encoder, dtype: Any) -> None:
    other = load(EncoderConfig(name=str(tiny_model), dtype=dtype))
    vector = other.encode_queries([SENTENCE])
    assert vector.dtype == np.float32
    assert float((vector @ encoder.encode_queries([SENTENCE]).T)[0, 0]) > 0.99
    assert other.identity() != encoder.identity()


def test_vectors_may_keep_their_length(tiny_model: Path, encoder: Encoder) -> None:
    raw = load(EncoderConfig(name=str(tiny_model), normalise=False)).encode_queries([SENTENCE])[0]
    assert abs(np.linalg.norm(raw) - 1) > 0.1
    np.testing.assert_allclose(raw / np.linalg.norm(raw), encoder.encode_queries([SENTENCE])[0], atol=1e-6)


def test_a_directory_is_known_by_its_content(tiny_model: Path, save_model: Callable[..., Path], tmp_path: Path) -> None:
    original = EncoderConfig(name=str(tiny_model))
    moved = EncoderConfig(name=str(shutil.copytree(tiny_model, tmp_path / "moved")))
    assert fingerprint(moved) == fingerprint(original)
    assert load(moved).identity() == load(original).identity()
    other = EncoderConfig(name=str(save_model(tmp_path / "other", seed=1)))
    assert fingerprint(other) != fingerprint(original)
    weights = tmp_path / "moved" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert fingerprint(moved) != fingerprint(original)
    assert str(tiny_model) not in str(load(original).identity())


def test_identity_records_pooling_and_packages(encoder: Encoder) -> None:
    identity = encoder.identity()
    assert identity["pooling"] == "mean"
    assert (identity["dimension"], identity["max_tokens"]) == (24, 32)
    assert set(identity["packages"]) == {"sentence-transformers", "transformers", "tokenizers", "torch"}


def test_code_of_the_model_decides_which_network_runs(tiny_model: Path) -> None:
    plain, trusting = (EncoderConfig(name=str(tiny_model), trust_remote_code=trusted) for trusted in (False, True))
    assert fingerprint(plain) != fingerprint(trusting)
    assert [load(c).identity()["trust_remote_code"] for c in (plain, trusting)] == [False, True]


@pytest.mark.parametrize("options", [{}, {"max_tokens": 16}, {"passage_prompt": "{title}: {text}"}, {"device": "cuda"}])
def test_the_tokenizer_alone_counts_as_the_encoder_does(
    tiny_model: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load(EncoderConfig(name=str(tiny_model), **{**options, "device": "cpu"}))
    inputs = ["", SENTENCE, *texts(30)]
    counts, offsets = encoder.count_tokens(inputs), [encoder.token_offsets(text) for text in inputs]

    def forbidden(*args: object, **options: object) -> None:
        raise AssertionError("the network must not run")

    import torch

    monkeypatch.setattr(torch.nn.Module, "__call__", forbidden)
    tokenizer = load_tokenizer(EncoderConfig(name=str(tiny_model), **options))
    assert tokenizer.count_tokens(inputs) == counts
    assert [tokenizer.token_offsets(text) for text in inputs] == offsets
    assert tokenizer.max_tokens == encoder.max_tokens


def test_the_tokenizer_follows_the_content_of_its_directory(tiny_model: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(tiny_model, tmp_path / "model")
    config = EncoderConfig(name=str(directory))
    before = load_tokenizer(config).count_tokens(["kite"])
    settings = directory / "config_sentence_transformers.json"
    settings.write_text(settings.read_text().replace('"passage: "', '"passage: title text "'))
    assert load_tokenizer(config).count_tokens(["kite"]) > before
    assert load_tokenizer(config).count_tokens(["kite"]) == load(config).count_tokens(["kite"])


def test_a_tokenizer_that_lowers_case_counts_so_on_its_own(tiny_model: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(tiny_model, tmp_path / "model")
    (settings,) = directory.glob("sentence_bert_config.json")
    content = json.loads(settings.read_text())
    settings.write_text(json.dumps({**content, "do_lower_case": True}))
    config = EncoderConfig(name=str(directory))
    inputs = [SENTENCE.upper(), SENTENCE.lower()]
    counts = load_tokenizer(config).count_tokens(inputs)
    assert counts == load(config).count_tokens(inputs)
    assert counts[0] == counts[1]


def test_a_damaged_model_is_named(tiny_model: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(tiny_model, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(UserError, match=r"cannot load the model .*broken") as error:
        load(EncoderConfig(name=str(broken)))
    assert "Traceback" not in str(error.value)


def test_a_directory_takes_no_revision(tiny_model: Path) -> None:
    with pytest.raises(UserError, match="takes no revision"):
        load(EncoderConfig(name=str(tiny_model), revision="0" * 40))


def test_a_model_that_leaves_its_prompt_out_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(tiny_model, tmp_path / "model")
    settings = directory / "1_Pooling" / "config.json"
    settings.write_text(settings.read_text().replace('"include_prompt": true', '"include_prompt": false'))
    assert "false" in settings.read_text()
    with pytest.raises(UserError, match="leaves its prompt out"):
        load(EncoderConfig(name=str(directory)))


def test_a_device_this_machine_lacks(tiny_model: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(UserError, match="no usable 'cuda'"):
        load(EncoderConfig(name=str(tiny_model), device="cuda"))


def test_nothing_in_nothing_out(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, 24)


def test_running_out_of_memory_is_no_fault_of_a_text(encoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real attempt to allocate far too much, in the place of the model's own."""
    import torch

    monkeypatch.setattr(encoder._model, "encode", lambda *args, **options: torch.empty(2**60))
    with pytest.raises(MemoryError, match="batch_size"):
        encoder.encode(["kite"])
