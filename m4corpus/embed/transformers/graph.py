"""Models whose network is a stored graph, run by ONNX Runtime or OpenVINO: which file that is, and what goes with it.

The extras of sentence-transformers for this bring optimum, which cannot be installed beside its own current
dependencies, so the graphs are run here. What is around the network stays the library's.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.files import model_files
from m4corpus.errors import UserError

#: Where models keep the graph for a backend, unless the recipe says otherwise.
USUAL = {"onnx": "onnx/model.onnx", "openvino": "openvino/openvino_model.xml"}
#: Names of the files a backend reads. OpenVINO reads ONNX graphs too.
_SUFFIXES = {"onnx": (".onnx",), "openvino": (".xml", ".onnx")}
#: Distributions that bring a backend. They share their version, and the first that is here counts.
_DISTRIBUTIONS = {"onnx": ("onnxruntime", "onnxruntime-gpu"), "openvino": ("openvino",)}
#: Devices a backend runs on.
_DEVICES = {"onnx": ("cpu", "cuda"), "openvino": ("cpu",)}


def weights(config: EncoderConfig) -> str:
    """Path within the model of the graph that is run."""
    return config.weights or USUAL[config.backend]


def provenance(config: EncoderConfig) -> dict[str, Any]:
    """What decides vectors besides the model's files and options; empty for torch.

    Raises:
        UserError: as :func:`check`.
    """
    check(config)
    if config.backend == "torch":
        return {}
    return {"backend": {"name": config.backend, "weights": weights(config), "version": _installed(config)}}


def check(config: EncoderConfig) -> None:
    """Raise :class:`UserError` for options that do not go together, a package that is missing, a path that leaves the
    model, or a directory without the graph."""
    backend = config.backend
    if backend == "torch":
        if config.weights:
            raise UserError(
                f"encoder '{config.name}': weights '{config.weights}' are for another backend than torch",
                "Set 'backend: onnx' or 'backend: openvino', or leave 'weights' out.",
            )
        return
    _installed(config)
    if config.dtype != "float32":
        raise UserError(
            f"encoder '{config.name}': backend {backend} computes in the types its file was made in, not in "
            f"{config.dtype}",
            "Leave 'dtype' out and name a file of the model made in that type as 'weights', or use 'backend: torch'.",
        )
    if config.device.partition(":")[0] not in _DEVICES[backend]:
        raise UserError(
            f"encoder '{config.name}': backend {backend} does not run on '{config.device}'",
            f"Use 'device: {_DEVICES[backend][0]}', or 'backend: torch'.",
        )
    path = PurePosixPath(weights(config))
    within = not path.is_absolute() and not any(part.startswith(".") for part in path.parts)
    if not within or path.suffix not in _SUFFIXES[backend]:
        raise UserError(
            f"encoder '{config.name}': '{path}' is no file of the model that {backend} could run",
            f"Give its path within the model, as in 'weights: {USUAL[backend]}'.",
        )
    directory = Path(config.name).expanduser()
    if directory.is_dir() and not (directory / path).is_file():
        _refuse_lacking(config, list(model_files(directory)))


def find(config: EncoderConfig) -> Path:
    """The graph's file: in the model's directory, else of the pinned revision, fetched unless it is here.

    Raises:
        UserError: the model has no such file, or the Hub cannot be reached.
    """
    directory = Path(config.name).expanduser()
    if directory.is_dir():
        return directory / weights(config)
    from m4corpus.embed.transformers import hub

    path = hub.fetched(config.name, config.revision, weights(config), _beside(weights(config)))
    if path is None:
        _refuse_lacking(config, hub.files(config.name, config.revision))
    return path


def _beside(path: str) -> str:
    """Pattern of the files that hold a graph's large tensors: `model.onnx_data`, `model.onnx.data`, `model.bin`."""
    return path.removesuffix(".xml") + ".bin" if path.endswith(".xml") else path + "[_.]data"


def _installed(config: EncoderConfig) -> str:
    for distribution in _DISTRIBUTIONS[config.backend]:
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    raise UserError(
        f"encoder '{config.name}': backend {config.backend} needs the package {_DISTRIBUTIONS[config.backend][0]}, "
        "which is not installed",
        f"pip install 'm4corpus[{config.backend}]'",
    )


def _refuse_lacking(config: EncoderConfig, files: list[str]) -> NoReturn:
    graphs = [name for name in files if name.endswith(_SUFFIXES[config.backend]) and not name.startswith(".")]
    hint = f"It has: {', '.join(graphs)}. Name one as 'weights'." if graphs else (
        f"Make one: m4corpus embed export {config.name} --into DIR"
    )  # fmt: skip
    raise UserError(f"encoder '{config.name}' has no file '{weights(config)}' for backend {config.backend}", hint)
