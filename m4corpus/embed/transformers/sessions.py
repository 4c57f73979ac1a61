"""Graphs that run: by ONNX Runtime or by OpenVINO, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.transformers import untold
from m4corpus.embed.transformers.graph import find, weights
from m4corpus.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.generic]

#: Outputs that hold a vector for each token, by the names exporters give them.
_OUTPUTS = ("last_hidden_state", "token_embeddings")


class Session(Protocol):
    """A graph ready to run, on one thread where it runs on the CPU."""

    #: The graph's inputs, and the numpy type of each.
    inputs: Mapping[str, str]

    def run(self, feeds: Mapping[str, Array]) -> Array:
        """The vectors of tokens, ``(texts, tokens, width)``; raises ``RuntimeError`` where the library gives up."""


def open_session(config: EncoderConfig) -> Session:
    """The graph, loaded and ready on its device.

    Raises:
        UserError: it is not there, or not a graph that gives a vector for each token of any number of texts.
    """
    path = find(config)
    return _Onnx(config, path) if config.backend == "onnx" else _OpenVino(config, path)


def _output(config: EncoderConfig, ranks: Mapping[str, int | None]) -> str:
    """Name of the output that has a vector for each token, of outputs with so many axes."""
    for name in (*(name for name in _OUTPUTS if name in ranks), *ranks):
        if ranks[name] in (3, None):
            return name
    raise UserError(
        f"encoder '{config.name}': the graph '{weights(config)}' gives no vector for each token "
        f"(it gives: {', '.join(ranks)})",
        "Name one that does as 'weights': pooling is the model's own and no part of the graph.",
    )


class _Onnx:
    """By ONNX Runtime."""

    def __init__(self, config: EncoderConfig, path: Path) -> None:
        onnxruntime = untold.onnxruntime()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.use_deterministic_compute = True
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        providers: list[Any] = ["CPUExecutionProvider"]
        if config.device != "cpu":
            _, _, number = config.device.partition(":")
            providers = [("CUDAExecutionProvider", {"device_id": int(number or 0)}), *providers]
            if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
                self._refuse_device(config)
        self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=providers)
        # It goes on without a provider that fails to load.
        if config.device != "cpu" and "CUDAExecutionProvider" not in self._session.get_providers():
            self._refuse_device(config)
        found = self._session.get_inputs()
        _refuse_fixed(config, {one.name: one.shape for one in found})
        self.inputs: Mapping[str, str] = {
            one.name: "int32" if one.type == "tensor(int32)" else "int64" for one in found
        }
        self._output = _output(config, {one.name: len(one.shape) or None for one in self._session.get_outputs()})

    def run(self, feeds: Mapping[str, Array]) -> Array:
        """See :class:`Session`."""
        try:
            found: Array = self._session.run([self._output], dict(feeds))[0]
        except Exception as error:  # its errors have no common base
            raise RuntimeError(str(error)) from error
        return found

    def _refuse_device(self, config: EncoderConfig) -> NoReturn:
        raise UserError(
            f"encoder '{config.name}': ONNX Runtime has no usable '{config.device}' here",
            "Install onnxruntime-gpu in the place of onnxruntime, with the CUDA it was made for; or use 'device: cpu'.",
        )


class _OpenVino:
    """By OpenVINO, which without being told would compute in bfloat16 where the processor can, and bind its thread to a
    core that a second worker process binds its own to."""

    def __init__(self, config: EncoderConfig, path: Path) -> None:
        core = untold.openvino().Core()
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,
        }
        network = core.read_model(path)
        compiled = core.compile_model(network, "CPU", settings)
        shapes = {one.get_any_name(): one.get_partial_shape() for one in compiled.inputs}
        _refuse_fixed(config, {name: [_size(axis) for axis in shape] for name, shape in shapes.items()})
        self.inputs: Mapping[str, str] = {
            one.get_any_name(): one.get_element_type().to_dtype().name for one in compiled.inputs
        }
        ranks = {
            one.get_any_name() if one.get_names() else str(i): _size(one.get_partial_shape().rank)
            for i, one in enumerate(compiled.outputs)
        }
        self._place = list(ranks).index(_output(config, ranks))
        self._request: Any = compiled.create_infer_request()

    def run(self, feeds: Mapping[str, Array]) -> Array:
        """See :class:`Session`."""
        self._request.infer(dict(feeds))
        # The request's own memory, which the next text overwrites.
        found: Array = self._request.get_output_tensor(self._place).data.copy()
        return found


def _size(axis: Any) -> int | None:
    """Length of an axis of OpenVINO's, None where it may vary."""
    return int(axis.get_length()) if axis.is_static else None


def _refuse_fixed(config: EncoderConfig, shapes: Mapping[str, Any]) -> None:
    for name, shape in shapes.items():
        if any(isinstance(axis, int) for axis in shape):
            raise UserError(
                f"encoder '{config.name}': the graph '{weights(config)}' takes '{name}' in one size alone",
                "Name one of dynamic axes as 'weights'.",
            )
