"""Networks that are graphs, run by ONNX Runtime and OpenVINO."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vector_work import chunk, embedded, passage_vectors, texts

from m4corpus.embed.config import EmbedConfig, EncoderConfig
from m4corpus.embed.encoder import fingerprint, load, load_tokenizer
from m4corpus.embed.stage import EmbedStage
from m4corpus.embed.transformers import graph, untold
from m4corpus.errors import UserError
from m4corpus.storage.parts import read_batches

FLOAT32, INT8 = "onnx/model.onnx", "onnx/model_int8.onnx"
BACKENDS = [("onnx", FLOAT32), ("onnx", INT8), ("openvino", FLOAT32), ("openvino", "openvino/openvino_model.xml")]
SENTENCE = "The kite festival is held every spring"


@pytest.fixture(scope="module")
def model(tiny_graphs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with a graph of OpenVINO's own too, where that is installed."""
    directory = shutil.copytree(tiny_graphs, tmp_path_factory.mktemp("graph") / "model")
    try:
        openvino = untold.openvino()
    except ImportError:
        return directory
    network = openvino.Core().read_model(directory / FLOAT32)
    (directory / "openvino").mkdir()
    openvino.save_model(network, directory / "openvino" / "openvino_model.xml", compress_to_fp16=False)
    return directory


def installed(backend: str) -> None:
    """Skips where the package is missing; looks for it without importing it."""
    if find_spec("onnxruntime" if backend == "onnx" else backend) is None:
        pytest.skip(f"{backend} is not installed")


def of(directory: Path, backend: Any = "onnx", weights: str = "", **options: Any) -> EncoderConfig:
    installed(backend)
    return EncoderConfig(name=str(directory), backend=backend, weights=weights, **options)


@pytest.mark.parametrize(("backend", "weights"), BACKENDS)
def test_vectors_are_those_of_torch(backend: str, weights: str, model: Path, tiny_model: Path) -> None:
    torch, other = load(EncoderConfig(name=str(tiny_model))), load(of(model, backend, weights))
    inputs = texts(30)
    expected, found = (passage_vectors(encoder, inputs) for encoder in (torch, other))
    assert found.dtype == np.float32
    if weights == INT8:
        assert 0.8 < float((found * expected).sum(axis=1).min()) < 0.99999, "8 bits were meant to be seen"
    else:
        np.testing.assert_allclose(found, expected, atol=1e-5)
        np.testing.assert_allclose(other.encode_queries(["kite"]), torch.encode_queries(["kite"]), atol=1e-5)
    assert other.count_tokens(inputs) == torch.count_tokens(inputs)
    assert (other.max_tokens, other.dimension) == (torch.max_tokens, torch.dimension)


@pytest.mark.parametrize(("backend", "weights"), BACKENDS)
def test_bytes_depend_on_the_text_alone(backend: str, weights: str, model: Path) -> None:
    encoder: Any = load(of(model, backend, weights, max_tokens=64))
    inputs = [*texts(20), *("kite " * count + str(i) for i, count in enumerate([1, 2, 7, 14, 30, 62, 100] * 2))]
    alone = np.concatenate([encoder.encode([text]) for text in inputs])
    chance = random.Random(1)
    for _ in range(3):
        chosen = chance.choices(range(len(inputs)), k=chance.randint(2, 40))
        assert encoder.encode([inputs[i] for i in chosen]).tobytes() == alone[chosen].tobytes()


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_a_graph_that_quantises_over_the_batch_is_found_out(backend: str, model: Path) -> None:
    encoder: Any = load(of(model, backend, INT8))
    beside = [encoder._pass(["kite", other], None, 32)[0].tobytes() for other in ("The old harbour in spring", "a")]
    assert beside[0] != beside[1], "it was meant to depend on its neighbours"
    assert not encoder._shaped


def test_passes_hold_for_a_graph_in_full_precision(model: Path) -> None:
    encoder: Any = load(of(model))
    assert encoder._shaped


def test_the_embed_stage_takes_a_graph(model: Path, tmp_path: Path) -> None:
    chunks = [chunk(i, text) for i, text in enumerate(texts(20))]
    config = EmbedConfig(encoder=of(model, weights=INT8), batch_size=7)
    artifact = embedded(tmp_path / "a", [chunks], config)
    (part,) = artifact.parts()
    found = [row["vector"] for b in read_batches(artifact.directory / part.path) for row in b.to_pylist()]
    expected = passage_vectors(load(config.encoder), [one.text for one in chunks], ["Kites"] * len(chunks))
    assert np.array(found, dtype=np.float32).tobytes() == expected.tobytes()
    assert artifact.info["identity"]["backend"]["weights"] == INT8
    once_more = replace(config, batch_size=3)
    assert embedded(tmp_path / "b", [chunks], once_more).manifest == artifact.manifest


def test_what_runs_the_graph_is_part_of_the_identity(model: Path) -> None:
    configs = [EncoderConfig(name=str(model)), of(model), of(model, weights=INT8)]
    assert len({fingerprint(config) for config in configs}) == 3
    assert fingerprint(of(model, weights=FLOAT32)) == fingerprint(of(model)), "the usual place, by its name"
    identity = load(of(model)).identity()
    assert set(identity["backend"]) == {"name", "weights", "version"}
    assert identity["dtype"] == "the graph's own"
    torch, other = (EmbedStage(EmbedConfig(encoder=config)) for config in configs[:2])
    assert torch.config_dict() == other.config_dict()
    assert torch.resources() != other.resources()


def test_the_content_of_the_graph_is_part_of_the_identity(model: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(model, tmp_path / "model")
    before = fingerprint(of(directory))
    with (directory / FLOAT32).open("ab") as file:
        file.write(b"\0")
    assert fingerprint(of(directory)) != before


def test_the_tokenizer_alone_needs_no_graph(model: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(model, tmp_path / "model")
    shutil.rmtree(directory / "onnx")
    assert not list(directory.rglob("*.safetensors"))
    assert load_tokenizer(of(directory)).count_tokens(texts(9)) == load_tokenizer(of(model)).count_tokens(texts(9))


def test_the_limit_is_that_of_the_networks_positions(model: Path) -> None:
    assert load(of(model, max_tokens=64)).encode(["kite " * 100]).shape == (1, 24)
    with pytest.raises(UserError, match="reads at most 64 tokens, not 65"):
        load(of(model, max_tokens=65))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"weights": FLOAT32}, "are for another backend than torch"),
        ({"backend": "onnx", "dtype": "float16"}, "not in float16"),
        ({"backend": "onnx", "dtype": "bfloat16"}, "not in bfloat16"),
        ({"backend": "onnx", "device": "mps"}, "onnx does not run on 'mps'"),
        ({"backend": "openvino", "device": "cuda"}, "openvino does not run on 'cuda'"),
        ({"backend": "onnx", "weights": "../model.onnx"}, "is no file of the model"),
        ({"backend": "onnx", "weights": "/models/model.onnx"}, "is no file of the model"),
        ({"backend": "onnx", "weights": ".cache/model.onnx"}, "is no file of the model"),
        ({"backend": "onnx", "weights": "config.json"}, "is no file of the model"),
        ({"backend": "onnx", "weights": "openvino/openvino_model.xml"}, "is no file of the model"),
        ({"backend": "onnx", "weights": "onnx/model_O4.onnx"}, "has no file 'onnx/model_O4.onnx'"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], said: str, tiny_graphs: Path) -> None:
    installed(options.get("backend", "torch"))
    for make in (load, fingerprint):
        with pytest.raises(UserError, match=said):
            make(EncoderConfig(name=str(tiny_graphs), **options))


@pytest.mark.parametrize("name", ["m4-multilingual", "use-multilingual"])
def test_the_carried_encoders_take_no_backend(name: str) -> None:
    with pytest.raises(UserError, match="does not take: backend, weights"):
        load(EncoderConfig(name=name, backend="onnx", weights=FLOAT32))


def test_a_model_without_the_graph_is_told_what_it_has(model: Path, tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no file") as error:
        load(of(tiny_model))
    assert "m4corpus embed export" in error.value.hint
    with pytest.raises(UserError, match="has no file") as error:
        load(of(model, weights="model.onnx"))
    assert error.value.hint == f"It has: {FLOAT32}, {INT8}. Name one as 'weights'."


def test_a_missing_package_is_named_with_the_extra(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "_DISTRIBUTIONS", {"onnx": ("no-such-runtime", "no-such-runtime-gpu")})
    with pytest.raises(UserError, match="needs the package no-such-runtime") as error:
        load(EncoderConfig(name=str(tiny_model), backend="onnx"))
    assert error.value.hint == "pip install 'm4corpus[onnx]'"


def test_a_device_this_machine_lacks(model: Path) -> None:
    config = of(model, device="cuda:1")
    if "CUDAExecutionProvider" in untold.onnxruntime().get_available_providers():
        pytest.skip("this machine may have a GPU")
    with pytest.raises(UserError, match="no usable 'cuda:1'") as error:
        load(config)
    assert "onnxruntime-gpu" in error.value.hint


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_a_damaged_graph_is_named(backend: str, model: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(model, tmp_path / "model")
    (directory / FLOAT32).write_bytes(b"\0" * 100)
    with pytest.raises(UserError, match="cannot load the model") as error:
        load(of(directory, backend, FLOAT32))
    assert "Traceback" not in str(error.value)


def test_pickle_beside_the_graph_is_not_read_and_needs_no_trust(model: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(model, tmp_path / "model")
    (directory / "pytorch_model.bin").write_bytes(b"no pickle at all")
    assert load(of(directory)).encode(["kite"]).tobytes() == load(of(model)).encode(["kite"]).tobytes()


def test_models_of_another_kind_are_refused(tiny_model: Path, tiny_clip: Path, model: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding, Transformer

    static = SentenceTransformer(
        modules=[StaticEmbedding(Transformer(str(tiny_model)).tokenizer, embedding_dim=16)], device="cpu"
    )
    static.save(str(tmp_path / "static"))
    shutil.copytree(tiny_clip, tmp_path / "clip")
    for name in ("static", "clip"):
        shutil.copytree(model / "onnx", tmp_path / name / "onnx")
        with pytest.raises(UserError, match="does not give a vector for each token") as error:
            load(of(tmp_path / name))
        assert error.value.hint == "Use 'backend: torch'."


Make = Callable[..., Path]


@pytest.fixture
def made(model: Path, tmp_path: Path) -> Make:
    """Puts a graph of one's own into the model: an output computed from inputs by the nodes given."""
    pytest.importorskip("onnx")
    from onnx import TensorProto, helper, save

    def make(nodes: Sequence[Any], inputs: dict[str, Any], rank: int = 3, kind: int = TensorProto.INT64) -> Path:
        directory = shutil.copytree(model, tmp_path / "made")
        given = [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()]
        output = helper.make_tensor_value_info("states", TensorProto.FLOAT, [None] * rank)
        content = helper.make_graph(nodes, "made", given, [output])
        # Of a version that runtimes older than the package know.
        made = helper.make_model(content, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
        save(made, directory / FLOAT32)
        return directory

    return make


def widened(source: str) -> list[Any]:
    """Nodes that make token vectors of width 1 from an input of a number for each token."""
    from onnx import TensorProto, helper

    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [2])
    return [
        helper.make_node("Constant", [], ["axes"], value=axes),
        helper.make_node("Cast", [source], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["floats", "axes"], ["states"]),
    ]


FREE = ["texts", "tokens"]


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_inputs_the_tokenizer_does_not_give_are_made(backend: str, made: Make) -> None:
    pytest.importorskip("onnx")
    from onnx import TensorProto

    inputs = {"input_ids": FREE, "position_ids": FREE, "token_type_ids": FREE}
    directory = made(widened("position_ids"), inputs, kind=TensorProto.INT32)
    encoder: Any = load(of(directory, backend, FLOAT32, normalise=False))
    counts = encoder.count_inputs(["kite", SENTENCE])
    # The mean of the positions 0, 1, ...
    np.testing.assert_allclose(encoder.encode(["kite", SENTENCE])[:, 0], [(count - 1) / 2 for count in counts])


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_a_graph_of_other_inputs_or_outputs_is_refused(backend: str, made: Make, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    cast = [helper.make_node("Cast", ["input_ids"], ["states"], to=TensorProto.FLOAT)]
    for nodes, inputs, rank, said in (
        (cast, {"input_ids": FREE}, 2, "gives no vector for each token"),
        (widened("input_ids"), {"input_ids": FREE, "task_id": [None]}, 3, "does not have: task_id"),
        (widened("input_ids"), {"input_ids": [1, 16]}, 3, "takes 'input_ids' in one size alone"),
    ):
        directory = made(nodes, inputs, rank)
        with pytest.raises(UserError, match=said):
            load(of(directory, backend, FLOAT32))
        shutil.rmtree(directory)


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_a_graph_reads_no_file_outside_the_model(backend: str, model: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    directory = shutil.copytree(model, tmp_path / "model")
    content = onnx.load(directory / FLOAT32)
    onnx.save(content, directory / FLOAT32, save_as_external_data=True, location="model.onnx_data")
    assert load(of(directory, backend, FLOAT32)).encode(["kite"]).shape == (1, 24)
    shutil.move(directory / "onnx" / "model.onnx_data", tmp_path / "elsewhere")
    content = onnx.load(directory / FLOAT32, load_external_data=False)
    for tensor in content.graph.initializer:
        for entry in tensor.external_data:
            entry.value = "../../elsewhere" if entry.key == "location" else entry.value
    (directory / FLOAT32).write_bytes(content.SerializeToString())
    with pytest.raises(UserError, match="cannot load the model"):
        load(of(directory, backend, FLOAT32))


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_nobody_is_told_that_a_runtime_is_used(name: str, model: Path, tmp_path: Path) -> None:
    installed(name)
    load_graph = {"onnxruntime": f".InferenceSession({str(model / FLOAT32)!r})", "openvino": ".Core()"}[name]
    code = (
        "import sys, threading\n"
        "from m4corpus.embed.transformers import untold\n"
        f"untold.{name}(){load_graph}\n"
        "print(threading.active_count(), [module for module in sys.modules if 'telemetry' in module])"
    )
    quiet = ("CI", "TF_BUILD", "JENKINS_URL", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    environment = {**{key: value for key, value in os.environ.items() if key not in quiet}, "HOME": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    found = result.stdout.split(" ", 1)
    assert found[0] == "1", result.stderr
    assert "openvino_telemetry" not in found[1]
    assert list(tmp_path.iterdir()) == []


COMMIT = "0123456789abcdef0123456789abcdef01234567"
CODE = """
import sys
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import load
from m4corpus.errors import UserError
for weights in sys.argv[2:]:
    try:
        encoder = load(EncoderConfig(name="somebody/tiny", revision=sys.argv[1], backend="onnx", weights=weights))
        print(encoder.identity()["backend"]["weights"], encoder.encode_queries(["kite"]).shape)
    except UserError as error:
        print("UserError:", error)
"""


def test_a_graph_of_a_pinned_model_comes_from_its_revision(model: Path, tmp_path: Path) -> None:
    installed("onnx")
    repository = tmp_path / "hub" / "models--somebody--tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    shutil.copytree(model, repository / "snapshots" / COMMIT)
    environment = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-c", CODE, COMMIT, INT8, "onnx/other.onnx"]
    result = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=200)
    named, lacking, *_ = result.stdout.splitlines()
    assert named == f"{INT8} (1, 24)"
    assert "Hub cannot be reached" in lacking
