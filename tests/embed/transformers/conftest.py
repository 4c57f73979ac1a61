"""The tiny model as graphs, made by the real exporter and quantiser."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_graphs(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of the tiny model without torch weights: ``onnx/model.onnx`` and ``onnx/model_int8.onnx``.

    Each process of a test run makes its own, as it does the model, whose tokenizer is not trained twice alike.
    """
    # Looked for and not imported: see m4corpus/embed/transformers/untold.py.
    if not all(find_spec(package) for package in ("onnx", "onnxscript", "onnxruntime")):
        pytest.skip("what exports and runs graphs is not installed")
    from m4corpus.embed.config import EncoderConfig
    from m4corpus.embed.transformers.export import FLOAT32, INT8, export, quantise

    directory = tmp_path_factory.mktemp("tiny-graphs")
    export(EncoderConfig(name=str(tiny_model)), directory)
    quantise(directory / FLOAT32, directory / INT8)
    return directory
