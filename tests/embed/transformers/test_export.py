"""``m4corpus embed export``: a whole model directory, faithful to the one it was made from, or none."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from vector_work import passage_vectors, texts

from m4corpus.cli.main import cli
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import load
from m4corpus.embed.instructions import instructions
from m4corpus.embed.transformers import export as module
from m4corpus.embed.transformers.export import FLOAT32, INT8, export, recipe_lines, samples
from m4corpus.errors import UserError
from m4corpus.storage.digests import file_digest


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(cli, ["embed", "export", *map(str, arguments)])


def refused(result: Any) -> UserError:
    assert isinstance(result.exception, UserError), result.output
    return result.exception


def names(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def test_samples_are_short_and_long_and_in_every_language() -> None:
    found = samples()
    assert {row.text for row in instructions().values()} <= set(found)
    assert max(map(len, found)) > 2000


def test_a_graph_and_all_of_the_model_but_its_weights(tiny_graphs: Path, tiny_model: Path) -> None:
    torch, other = load(EncoderConfig(name=str(tiny_model))), load(EncoderConfig(name=str(tiny_graphs), backend="onnx"))
    inputs = texts(20)
    np.testing.assert_allclose(passage_vectors(other, inputs), passage_vectors(torch, inputs), atol=1e-5)
    weights = {name for name in names(tiny_model) if name.endswith(".safetensors")}
    assert names(tiny_graphs) == names(tiny_model) - weights - {"README.md"} | {FLOAT32, INT8}
    for name in (FLOAT32, INT8):
        assert str(Path(module.__file__).parent).encode() not in (tiny_graphs / name).read_bytes()


def test_the_command_makes_the_same_file_again_and_says_how_to_use_it(
    tiny_graphs: Path, tiny_model: Path, tmp_path: Path
) -> None:
    into = tmp_path / "new" / "model"
    result = run(tiny_model, "--into", into)
    assert result.exit_code == 0, result.output
    assert file_digest(into / FLOAT32) == file_digest(tiny_graphs / FLOAT32)
    assert f"wrote {into / FLOAT32}" in result.stdout
    assert "cosine with torch over" in result.stdout
    assert f"    name: {into}\n    backend: onnx\n" in result.stdout
    assert "compare" in result.stderr
    assert names(into.parent) == {f"model/{name}" for name in names(into)}, "nothing is left beside it"


def test_a_graph_too_far_from_the_model_is_not_written(
    tiny_graphs: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is exported is known already; this is about what comes of it.
    monkeypatch.setattr(module, "_write_graph", lambda config, encoder, path: _copied(tiny_graphs / FLOAT32, path))
    result = run(tiny_model, "--into", tmp_path / "model", "--int8", "--least", "1")
    assert "gives other vectors than torch: cosine 0.99" in str(refused(result))
    assert list(tmp_path.iterdir()) == []
    near = run(tiny_model, "--into", tmp_path / "model", "--int8", "--least", "0.8", "--json")
    assert near.exit_code == 0, near.output
    told = json.loads(near.stdout)
    assert (told["weights"], told["encoder"]) == (INT8, {"backend": "onnx", "weights": INT8})
    assert 0.8 < told["least"] < told["mean"] < 1
    assert (tmp_path / "model" / INT8).is_file()
    assert not (tmp_path / "model" / FLOAT32).exists()


def _copied(source: Path, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(source.read_bytes())


def test_prompts_of_the_recipe_go_with_the_model(
    tiny_graphs: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_write_graph", lambda config, encoder, path: _copied(tiny_graphs / FLOAT32, path))
    told = "Task: {instruction} Query: {text}"
    config = EncoderConfig(name=str(tiny_model), query_prompt=told, passage_prompt="text: {text}")
    found = export(config, tmp_path / "model")
    assert found.encoder == {"backend": "onnx", "query_prompt": told, "passage_prompt": "text: {text}"}
    lines = recipe_lines(found)
    assert f"    query_prompt: '{told}'" in lines
    own: Any = load(EncoderConfig(name=str(tmp_path / "model"), backend="onnx"))
    assert own.passages(["kite"]) == ["text: kite"], "a prefix is declared by the model itself"
    assert load(EncoderConfig(name=str(tiny_model))).passages(["kite"]) == ["passage: kite"], "that one is as it was"


def test_what_was_pickle_is_trusted_no_longer(
    tiny_graphs: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from safetensors.torch import load_file

    monkeypatch.setattr(module, "_write_graph", lambda config, encoder, path: _copied(tiny_graphs / FLOAT32, path))
    pickled = shutil.copytree(tiny_model, tmp_path / "pickled")
    torch.save(load_file(pickled / "model.safetensors"), pickled / "pytorch_model.bin")
    (pickled / "model.safetensors").unlink()
    result = run(pickled, "--into", tmp_path / "model")
    assert "stores weights as pickle" in str(refused(result))
    result = run(pickled, "--into", tmp_path / "model", "--trust-remote-code", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["encoder"] == {"backend": "onnx"}


@pytest.mark.usefixtures("tiny_graphs")
def test_what_cannot_be_exported_is_told(tiny_model: Path, tiny_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    for arguments, said in (
        ((tiny_model, "--into", tmp_path / "full"), "exists already"),
        (("m4-multilingual", "--into", tmp_path / "new"), "is no sentence-transformers model"),
        (("multilingual", "--into", tmp_path / "new"), "is no sentence-transformers model"),
        (("org/model", "--into", tmp_path / "new"), "needs a revision"),
        ((tiny_clip, "--into", tmp_path / "new"), "does not give a vector for each token"),
    ):
        result = run(*arguments)
        assert said in str(refused(result))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"]


def test_a_missing_package_is_named(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UserError, match="export needs a package that is missing") as error:
        export(EncoderConfig(name=str(tiny_model)), tmp_path / "model")
    assert error.value.hint == "pip install 'm4corpus[onnx]'"
