"""Options of the encoder and of the embed stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from m4corpus.config import config
from m4corpus.embed.postprocess.config import PostprocessConfig

#: Types a model may compute in.
Dtype = Literal["float32", "float16", "bfloat16"]
#: What runs the network of a sentence-transformers model: torch, or a library that runs a graph stored with the model.
Backend = Literal["torch", "onnx", "openvino"]


@config
class EncoderConfig:
    """Which encoder turns text into vectors, and how texts are put to it."""

    name: str = Field(
        default="m4-multilingual",
        min_length=1,
        description="`m4-multilingual` (all 42 languages, works offline), `use-multilingual` (the part of it that is "
        "carried by a package), a preset (`m4corpus embed presets` lists them), or a sentence-transformers model: its "
        "Hub id (`organisation/model`) or the path of its directory.",
    )
    revision: str = Field(
        default="",
        description="Commit hash (40 hex digits) of a model on the Hub; required there unless a preset has one, "
        "refused elsewhere.",
    )
    query_prompt: str | None = Field(
        default=None,
        description="Template of what the encoder reads for a query, `{text}` being the query and `{instruction}` "
        "(optional) what to do with it; null takes the preset's, else the prompt the model itself declares for "
        "queries, else the bare text.",
    )
    instruction: Literal["english", "native"] | None = Field(
        default=None,
        description="What fills `{instruction}` in query_prompt: the `english` instruction (also when null), or the "
        "`native` one in the query's language, in English where that is unknown.",
    )
    passage_prompt: str | None = Field(
        default=None,
        description="Template of what the encoder reads for a chunk, `{text}` being its text and `{title}` (optional) "
        "its title, shortened where both do not fit; null takes the preset's, else the model's own, else the bare "
        "text.",
    )
    query_task: str | None = Field(
        default=None,
        description="Task for which a model with several networks or adapters is asked with queries; null takes the "
        "preset's, or `query` of a model that has one network for queries and one for documents.",
    )
    passage_task: str | None = Field(
        default=None, description="The same for chunks; null takes the preset's, or `document`."
    )
    backend: Backend = Field(
        default="torch",
        description="What runs a sentence-transformers model: `torch`, or `onnx` (ONNX Runtime) or `openvino`, which "
        "run a graph that lies among the model's files, often in 8 bits, and are faster on a CPU. `m4corpus embed "
        "export` makes such a graph.",
    )
    weights: str = Field(
        default="",
        description="The graph that `onnx` or `openvino` runs, by its path within the model "
        "(`onnx/model_qint8_avx512_vnni.onnx`); empty takes `onnx/model.onnx` or `openvino/openvino_model.xml`.",
    )
    dtype: Dtype = Field(
        default="float32",
        description="Type torch computes in (a graph has its own); how vectors are stored is for "
        "`postprocess.quantise` to say.",
    )
    max_tokens: int | None = Field(
        default=None, ge=8, description="Longest input in the encoder's tokens; null takes the model's own limit."
    )
    trust_remote_code: bool = Field(
        default=False,
        description="Whether Python code that comes with the model may run, and weights be read that are stored as "
        "pickle, which is code too.",
    )
    code_revision: str = Field(
        default="",
        description="Commit hash (40 hex digits) of the code that a trusted model takes from another repository, which "
        "`revision` does not pin; required then unless a preset has one.",
    )
    normalise: bool = Field(
        default=True, description="Whether vectors are scaled to length 1, so that scores are cosines."
    )
    device: str = Field(
        default="cpu",
        pattern=r"^(cpu|mps|cuda(:\d+)?)$",
        description="Where a sentence-transformers model runs: `cpu`, `cuda`, `cuda:1`, `mps`.",
    )
    postprocess: PostprocessConfig | None = Field(
        default=None,
        description="What is done to vectors after the model: centring, projection, fewer dimensions, quantisation; "
        "null leaves them as they are.",
    )


@config
class EmbedConfig:
    """How chunks are embedded."""

    encoder: EncoderConfig = Field(
        default_factory=EncoderConfig, description="The encoder; its tokenizer also sets the length of chunks."
    )
    batch_size: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="Chunks handed to the encoder at a time, and kept if the run is killed later.",
    )
