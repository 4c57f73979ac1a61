"""Kinds of models through the real library: pooling, static vectors, several networks; weights and code not trusted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vector_work import passage_vectors, texts

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import load, load_tokenizer
from m4corpus.embed.transformers.pickled import PickledWeights, without_pickle
from m4corpus.errors import UserError

SENTENCE = "The kite festival is held every spring"


def saved(modules: list[Any], directory: Path, **options: Any) -> Path:
    from sentence_transformers import SentenceTransformer

    SentenceTransformer(modules=modules, device="cpu", **options).save(str(directory))
    return directory


def transformer(tiny_model: Path) -> Any:
    from sentence_transformers.sentence_transformer.modules import Transformer

    return Transformer(str(tiny_model))


@pytest.mark.parametrize("mode", ["mean", "cls", "max", "lasttoken", "weightedmean"])
def test_each_pooling_is_the_librarys_own_and_on_record(mode: str, tiny_model: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    directory = saved([transformer(tiny_model), Pooling(24, pooling_mode=mode)], tmp_path / mode)
    encoder: Any = load(EncoderConfig(name=str(directory)))
    assert encoder.identity()["pooling"] == mode
    own = SentenceTransformer(str(directory), device="cpu").encode([SENTENCE], normalize_embeddings=True)
    np.testing.assert_allclose(passage_vectors(encoder, [SENTENCE]), own, atol=1e-6)


@pytest.fixture(scope="module")
def static_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    torch.manual_seed(3)
    tokenizer = transformer(tiny_model).tokenizer
    return saved([StaticEmbedding(tokenizer, embedding_dim=16)], tmp_path_factory.mktemp("static") / "model")


def test_a_static_model_counts_and_encodes(static_model: Path) -> None:
    from sentence_transformers import SentenceTransformer

    encoder: Any = load(EncoderConfig(name=str(static_model)))
    inputs = texts(12)
    own = SentenceTransformer(str(static_model), device="cpu").encode(inputs, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode(inputs), own, atol=1e-6)
    assert encoder.encode(inputs[::-1]).tobytes() == encoder.encode(inputs)[::-1].tobytes()
    assert encoder.max_tokens > 1000, "it reads texts of any length"
    assert load_tokenizer(EncoderConfig(name=str(static_model))).count_tokens(inputs) == encoder.count_tokens(inputs)


@pytest.fixture(scope="module")
def routed_model(tiny_model: Path, save_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network for queries and another, which reads less, for documents."""
    from sentence_transformers.base.modules import Router
    from sentence_transformers.sentence_transformer.modules import Pooling

    root = tmp_path_factory.mktemp("routed")
    other = save_model(root / "other", seed=7, max_length=16)
    router = Router.for_query_document(
        query_modules=[transformer(tiny_model), Pooling(24)], document_modules=[transformer(other), Pooling(24)]
    )
    return saved([router], root / "model")


def test_queries_and_passages_go_through_their_own_networks(routed_model: Path) -> None:
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(str(routed_model), device="cpu")
    encoder: Any = load(EncoderConfig(name=str(routed_model)))
    query, document = (
        method([SENTENCE], normalize_embeddings=True) for method in (library.encode_query, library.encode_document)
    )
    assert np.abs(query - document).max() > 0.01, "the networks were meant to differ"
    np.testing.assert_allclose(encoder.encode_queries([SENTENCE]), query, atol=1e-6)
    np.testing.assert_allclose(passage_vectors(encoder, [SENTENCE]), document, atol=1e-6)
    assert encoder.max_tokens == 16, "passages are measured by the network that reads them"
    assert encoder.identity()["tasks"] == ["query", "document"]
    assert encoder.identity()["pooling"] == "document: mean, query: mean"


def test_several_networks_that_are_for_something_else(tiny_model: Path, tmp_path: Path) -> None:
    from sentence_transformers.base.modules import Router
    from sentence_transformers.sentence_transformer.modules import Pooling

    router = Router({"short": [transformer(tiny_model), Pooling(24)], "long": [transformer(tiny_model), Pooling(24)]})
    directory = saved([router], tmp_path / "model")
    with pytest.raises(UserError, match="several networks, but none named 'query'") as error:
        load(EncoderConfig(name=str(directory)))
    assert "It has: long, short" in error.value.hint
    named: Any = load(EncoderConfig(name=str(directory), query_task="short", passage_task="long"))
    assert named.identity()["tasks"] == ["short", "long"]
    assert named.encode_queries([SENTENCE]).shape == (1, 24)


@pytest.mark.parametrize("make", [load, load_tokenizer])
def test_weights_stored_as_pickle_are_refused(make: Any, tiny_model: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    directory = shutil.copytree(tiny_model, tmp_path / "model")
    torch.save(load_file(directory / "model.safetensors"), directory / "pytorch_model.bin")
    (directory / "model.safetensors").unlink()
    with pytest.raises(UserError, match="stores weights as pickle") as error:
        make(EncoderConfig(name=str(directory)))
    assert "safetensors" in error.value.hint
    trusting: Any = load(EncoderConfig(name=str(directory), trust_remote_code=True))
    original: Any = load(EncoderConfig(name=str(tiny_model)))
    assert trusting.encode([SENTENCE]).tobytes() == original.encode([SENTENCE]).tobytes()


def test_a_model_without_weights_is_not_called_pickle(tiny_model: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(tiny_model, tmp_path / "model")
    (directory / "model.safetensors").unlink()
    with pytest.raises(UserError, match="cannot load the model"):
        load(EncoderConfig(name=str(directory)))


@pytest.fixture
def pickled_later(tiny_model: Path, tmp_path: Path) -> Path:
    """A model whose network is safetensors and whose last module is pickle."""
    import torch
    from safetensors.torch import load_file
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling

    directory = saved([transformer(tiny_model), Pooling(24), Dense(24, 8)], tmp_path / "model")
    assert load(EncoderConfig(name=str(directory))).dimension == 8
    dense = directory / "2_Dense"
    torch.save(load_file(dense / "model.safetensors"), dense / "pytorch_model.bin")
    (dense / "model.safetensors").unlink()
    return directory


def test_pickle_in_a_later_module_is_refused_as_well(pickled_later: Path) -> None:
    with pytest.raises(UserError, match="stores weights as pickle"):
        load(EncoderConfig(name=str(pickled_later)))


def test_pickle_is_refused_to_the_thread_that_loads_a_model_and_to_no_other(
    pickled_later: Path, tiny_model: Path
) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    weights, before = pickled_later / "2_Dense" / "pytorch_model.bin", torch.load
    with without_pickle(EncoderConfig(name="one")):
        with ThreadPoolExecutor(1) as pool:
            own = pool.submit(SentenceTransformer, str(pickled_later), device="cpu").result()
            other = pool.submit(load, EncoderConfig(name=str(tiny_model))).result()
            refused = pool.submit(load, EncoderConfig(name=str(pickled_later))).exception()
        assert own.encode(SENTENCE).shape == (8,), "the calling program's own model"
        assert other.dimension == 24
        assert isinstance(refused, PickledWeights)
        with pytest.raises(PickledWeights, match="'one'"):
            torch.load(weights, weights_only=True)
    assert torch.load is before


@pytest.fixture
def model_with_code(tiny_model: Path, tmp_path: Path) -> Path:
    """A model whose last module is a class of its own, which leaves a trace when it is imported."""
    directory = shutil.copytree(tiny_model, tmp_path / "with-code")
    (directory / "own.py").write_text(
        "from pathlib import Path\n"
        f"Path({str(tmp_path / 'it-ran')!r}).touch()\n"
        "from sentence_transformers.sentence_transformer.modules import Normalize\n"
        "class Own(Normalize):\n    pass\n"
    )
    modules = json.loads((directory / "modules.json").read_text())
    modules.append({"idx": 2, "name": "2", "path": "2_Own", "type": "own.Own"})
    (directory / "modules.json").write_text(json.dumps(modules))
    (directory / "2_Own").mkdir()
    return directory


@pytest.mark.parametrize("make", [load, load_tokenizer])
def test_code_of_a_model_does_not_run_unless_the_recipe_says_so(
    make: Any, model_with_code: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"brings Python code of its own \(own.Own\)") as error:
        make(EncoderConfig(name=str(model_with_code)))
    assert "trust_remote_code: true" in error.value.hint
    assert not (tmp_path / "it-ran").exists()
    make(EncoderConfig(name=str(model_with_code), trust_remote_code=True))
    assert (tmp_path / "it-ran").exists()


def test_a_network_with_code_of_its_own_is_refused_before_it_is_loaded(tiny_model: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(tiny_model, tmp_path / "model")
    config = json.loads((directory / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "modeling_own.OwnModel"}
    (directory / "config.json").write_text(json.dumps(config))
    load(EncoderConfig(name=str(directory)))  # transformers has this network itself
    (directory / "config.json").write_text(json.dumps({**config, "model_type": "own"}))
    with pytest.raises(UserError, match=r"code of its own \(modeling_own.OwnModel\)"):
        load(EncoderConfig(name=str(directory)))


def test_a_prompt_for_something_else_is_no_prompt_for_queries(save_model: Callable[..., Path], tmp_path: Path) -> None:
    directory = save_model(tmp_path / "odd", prompts={"web_search": "search: ", "passage": "passage: "})
    with pytest.raises(UserError, match=r"declares prompts \(passage, web_search\), but none for queries"):
        load(EncoderConfig(name=str(directory)))
    own: Any = load(EncoderConfig(name=str(directory), query_prompt="search: {text}"))
    assert (own.prompts.query, own.prompts.passage) == ("search: {text}", "passage: {text}")


def test_a_known_model_without_its_prompts_is_an_error(
    tiny_model: Path, save_model: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real loading code over a cache that holds our tiny model under the name of a known one."""
    from huggingface_hub import constants

    commit = "0" * 40
    bare = save_model(tmp_path / "bare")
    repository = tmp_path / "hub" / "models--intfloat--multilingual-e5-small"
    shutil.copytree(bare, repository / "snapshots" / commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(UserError, match="needs prompts, which the model does not declare") as error:
        load(EncoderConfig(name="intfloat/multilingual-e5-small", revision=commit))
    assert "name: multilingual-e5-small" in error.value.hint
    with pytest.raises(UserError, match="needs prompts"):
        load(EncoderConfig(name="intfloat/multilingual-e5-small", revision=commit, query_prompt="query: {text}"))
    preset: Any = load(EncoderConfig(name="multilingual-e5-small", revision=commit))
    assert preset.queries(["kite"]) == ["query: kite"]
    deliberate: Any = load(EncoderConfig(name="multilingual-e5-small", revision=commit, query_prompt="{text}"))
    assert deliberate.queries(["kite"]) == ["kite"]


def test_a_text_that_looks_like_an_address_or_a_file_is_text(tiny_model: Path, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"no image at all")
    encoder: Any = load(EncoderConfig(name=str(tiny_model)))
    assert encoder.encode([str(picture), "http://127.0.0.1:9/a.png", "data:image/png;base64,AAAA"]).shape == (3, 24)


@pytest.mark.parametrize("whole", [False, True], ids=["alone", "beside its own settings"])
@pytest.mark.parametrize("make", [load, load_tokenizer])
def test_an_adapter_is_refused_whose_base_nobody_pins(make: Any, whole: bool, tiny_model: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(tiny_model, tmp_path / "model")
    (directory / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "base_model_name_or_path": str(tiny_model)})
    )
    if not whole:
        (directory / "config.json").unlink()
    for trusted in (False, True):
        with pytest.raises(UserError, match=r"is an adapter .* nobody pins") as error:
            make(EncoderConfig(name=str(directory), trust_remote_code=trusted))
        assert "Merge the adapter into its base" in error.value.hint


def test_an_adapter_in_the_cache_of_the_hub_is_refused(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    revision = "0123456789abcdef0123456789abcdef01234567"
    files = shutil.copytree(tiny_model, tmp_path / "models--somebody--tiny" / "snapshots" / revision)
    (files / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "somebody/base"}')
    (files / "config.json").unlink()
    with pytest.raises(UserError, match="is an adapter"):
        load(EncoderConfig(name="somebody/tiny", revision=revision))


@pytest.mark.parametrize("trusted", [False, True], ids=["", "trusted"])
@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("modules.json", {"a": 1}),
        ("modules.json", None),
        ("modules.json", [{"idx": 0, "path": ""}]),
        ("modules.json", [1]),
        ("modules.json", [{"idx": 0, "path": "", "type": 3}]),
        ("config.json", []),
        ("config.json", {"model_type": "own", "auto_map": ["own.Own"]}),
        ("config.json", {"model_type": ["own"], "auto_map": {"AutoModel": "own.Own"}}),
    ],
    ids=["object", "null", "typeless", "number", "type", "list", "auto_map", "model_type"],
)
def test_damaged_settings_are_the_users_to_hear_of(
    file: str, content: Any, trusted: bool, tiny_model: Path, tmp_path: Path
) -> None:
    directory = shutil.copytree(tiny_model, tmp_path / "model")
    (directory / file).write_text(json.dumps(content))
    with pytest.raises(UserError) as error:
        load(EncoderConfig(name=str(directory), trust_remote_code=trusted))
    assert error.value.hint


@pytest.mark.parametrize(
    "settings",
    [
        {"attn_implementation": "somebody/kernels"},
        {"_attn_implementation": {"": "eager", "text_config": "somebody/kernels@main:attend"}},
        {"text_config": {"_attn_implementation_internal": "paged|somebody/kernels"}},
    ],
    ids=["plain", "by network", "within"],
)
def test_kernels_from_the_hub_are_code(settings: dict[str, Any], tiny_model: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(tiny_model, tmp_path / "model")
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**config, "attn_implementation": "eager"}))
    load(EncoderConfig(name=str(directory)))
    (directory / "config.json").write_text(json.dumps({**config, **settings}))
    with pytest.raises(UserError, match=r"code of its own \(.*somebody/kernels"):
        load(EncoderConfig(name=str(directory)))


def test_code_in_a_directory_that_a_model_has_a_link_to(tiny_model: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "elsewhere").mkdir()
    config = {"model_type": "own", "auto_map": {"AutoModel": "own.Own"}}
    (tmp_path / "elsewhere" / "config.json").write_text(json.dumps(config))
    (directory / "network").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"code of its own \(own.Own\)"):
        load(EncoderConfig(name=str(directory)))
