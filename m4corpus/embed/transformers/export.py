"""Turns a sentence-transformers model into one whose network is an ONNX graph, in float32 or with 8-bit products."""

from __future__ import annotations

import logging
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.instructions import instructions
from m4corpus.embed.presets import resolved
from m4corpus.embed.prompts import PLAIN
from m4corpus.embed.transformers import untold
from m4corpus.errors import UserError

if TYPE_CHECKING:
    from m4corpus.embed.encoder import Vectors
    from m4corpus.embed.transformers.encoder import SentenceTransformerEncoder

#: Graphs as this module names them within a model.
FLOAT32, INT8 = "onnx/model.onnx", "onnx/model_int8.onnx"
#: Cosine below which no sample's vector may fall from that of torch, where nothing else is asked for.
LEAST = {FLOAT32: 0.999, INT8: 0.95}

#: Bytes of weights above which they lie beside the graph: a protocol buffer ends at two gigabytes.
_LARGE = 1_500_000_000
#: Inputs of a network that come from the text.
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
#: Samples that are joined to a longer one.
_JOINED = 6


@dataclass(frozen=True)
class Exported:
    """A model directory with a graph; cosines are of its vectors with those of torch, over the samples."""

    directory: Path
    weights: str
    mib: float
    samples: int
    least: float
    mean: float
    #: Options a recipe needs for it, as the model was asked to be used.
    encoder: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {**asdict(self), "directory": str(self.directory)}


def export(
    config: EncoderConfig,
    into: Path,
    *,
    int8: bool = False,
    least: float | None = None,
    tell: Callable[[str], None] = lambda step: None,
) -> Exported:
    """Write the model as a directory ``into``, with a graph in the place of its torch weights.

    Its vectors of texts in all languages of :mod:`m4corpus.embed.instructions`, short and long, are compared with those
    of torch; ``least`` is the smallest cosine allowed. ``tell`` hears of each step.

    Raises:
        UserError: ``into`` has content, a package is missing, the model cannot be exported, or its vectors would be
            too far from those of torch.
    """
    _need_packages()
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise UserError(f"{into} exists already", "Give --into the path of a directory that does not, or is empty.")
    config = resolved(config)
    from m4corpus.embed.transformers.multimodal import open_encoder

    tell(f"load {config.name}")
    encoder = open_encoder(config)
    graph = INT8 if int8 else FLOAT32
    texts = samples()
    into.absolute().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.absolute().parent, prefix=".export-") as scratch:
        directory = Path(scratch) / "model"
        directory.mkdir(mode=0o755)
        tell("export the network")
        _save_without_network(config, directory)
        _write_graph(config, encoder, directory / FLOAT32)
        if int8:
            tell("quantise it")
            quantise(directory / FLOAT32, directory / INT8)
            for path in directory.glob(f"{FLOAT32}*"):
                path.unlink()
        tell(f"compare {len(texts)} texts")
        options = {"backend": "onnx", **({"weights": graph} if int8 else {}), **_asked(config, directory)}
        made = open_encoder(EncoderConfig(name=str(directory), **options))
        cosines = _cosines(*(one.encode(one.passages(texts)) for one in (encoder, made)))
        wanted = LEAST[graph] if least is None else least
        # Not a number is no cosine either.
        if not float(cosines.min()) >= wanted:
            raise UserError(
                f"the graph of '{config.name}' gives other vectors than torch: cosine {cosines.min():.6f} for one of "
                f"{len(texts)} texts (mean {cosines.mean():.6f}), less than {wanted}",
                "Allow it with --least" + (", or leave --int8 out." if int8 else ", if that is near enough."),
            )
        if into.exists():
            into.rmdir()
        directory.rename(into)
    size = sum(path.stat().st_size for path in (into / graph).parent.iterdir())
    return Exported(into, graph, size / 2**20, len(texts), float(cosines.min()), float(cosines.mean()), options)


def samples() -> list[str]:
    """Texts in all our languages, of a line and of several, and one longer than most models read."""
    lines = [row.text for row in instructions().values()]
    joined = [" ".join(lines[i : i + _JOINED]) for i in range(0, len(lines), _JOINED)]
    return [*lines, *joined, " ".join(lines)]


def _need_packages() -> None:
    try:
        untold.onnxruntime()
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError(f"export needs a package that is missing: {error}", "pip install 'm4corpus[onnx]'") from None


def _cosines(a: Vectors, b: Vectors) -> Vectors:
    import numpy as np

    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines: Vectors = np.einsum("ij,ij->i", a, b) / lengths
    return cosines


def _asked(config: EncoderConfig, directory: Path) -> dict[str, Any]:
    """Options a preset or the caller gave, which the directory cannot give by itself."""
    from m4corpus.embed.transformers.foreign_code import foreign_code

    code = foreign_code(directory) if config.trust_remote_code else []
    given = {
        "query_prompt": config.query_prompt,
        "passage_prompt": config.passage_prompt,
        "instruction": config.instruction,
        # What was stored as pickle no longer is.
        "trust_remote_code": bool(code) or None,
        "code_revision": config.code_revision if any("--" in one for one in code) else None,
    }
    return {option: value for option, value in given.items() if value is not None}


def _save_without_network(config: EncoderConfig, directory: Path) -> None:
    """All of the model but the weights of its network."""
    from m4corpus.embed.transformers.loading import load_network, quiet
    from m4corpus.embed.transformers.network import text_module

    model = load_network(config)
    text_module(config, model)
    with _declaring(model, config), quiet():
        model.save(str(directory), create_model_card=False, safe_serialization=True)
    for path in directory.iterdir():
        if re.fullmatch(r"model.*\.safetensors(\.index\.json)?", path.name):
            path.unlink()


@contextmanager
def _declaring(model: Any, config: EncoderConfig) -> Iterator[None]:
    """The model declares the prompts it is used with, as far as they are prefixes; what it declared is put back."""
    own = model.prompts
    prefixes = {
        name: template.removesuffix(PLAIN)
        for name, template in (("query", config.query_prompt), ("passage", config.passage_prompt))
        if template is not None and template.endswith(PLAIN) and template.count("{") == 1
    }
    model.prompts = {**own, **prefixes}
    try:
        yield
    finally:
        model.prompts = own


def _write_graph(config: EncoderConfig, encoder: SentenceTransformerEncoder, path: Path) -> None:
    import onnx
    import torch

    from m4corpus.embed.transformers.loading import load_network
    from m4corpus.embed.transformers.network import text_module

    model = load_network(config)
    network = text_module(config, model).model
    features = model.preprocess(encoder.passages(["two texts", "of unlike length"]), prompt="")
    names = [name for name in _INPUTS if name in features]

    class Bare(torch.nn.Module):
        """The network, from tokens to a vector for each of them."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            states: torch.Tensor = self.network(**dict(zip(names, inputs, strict=True)), return_dict=True)[
                "last_hidden_state"
            ]
            return states

    path.parent.mkdir(mode=0o755)
    axes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with _unadvised():
        try:
            program = torch.onnx.export(
                Bare().eval(),
                tuple(features[name] for name in names),
                input_names=names,
                output_names=["last_hidden_state"],
                dynamic_shapes=(tuple(axes for _ in names),),
                dynamo=True,
                verbose=False,
            )
            assert program is not None
            program.save(str(path), external_data=_weight(network) > _LARGE)
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UserError(
                f"cannot export the network of '{config.name}' ({type(network).__name__}): {reason}",
                "Not every architecture can be turned into a graph; look for a model that comes with one.",
            ) from error
    # The exporter notes the source line of every operation, with the paths of this machine.
    content = onnx.load(str(path), load_external_data=False)
    content.doc_string = ""
    for node in (*content.graph.node, *content.graph.value_info, *content.graph.input, *content.graph.output):
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    onnx.save(content, str(path))


def quantise(source: Path, target: Path) -> None:
    """Write a graph with weights and products in 8 bits, a scale for each channel."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    large = any(path.name.startswith(source.name) for path in source.parent.iterdir() if path != source)
    with _unadvised():
        quantize_dynamic(source, target, per_channel=True, weight_type=QuantType.QInt8, use_external_data_format=large)


def _weight(network: Any) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in network.parameters())


@contextmanager
def _unadvised() -> Iterator[None]:
    """No advice from exporter and quantiser."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def recipe_lines(found: Exported) -> Sequence[str]:
    """How a recipe uses the model, as YAML."""
    import yaml

    options = {"name": str(found.directory), **found.encoder}
    return str(yaml.safe_dump({"embed": {"encoder": options}}, allow_unicode=True, sort_keys=False)).splitlines()
