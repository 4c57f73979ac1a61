"""A sentence-transformers model whose network is a stored graph; imports torch and the library when it is imported.

All but the network is the library's own: tokenizer, limits, pooling, dense layers, normalisation. Weights of the torch
network are neither read nor fetched.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from transformers import AutoModel

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.transformers.graph import weights
from m4corpus.embed.transformers.sessions import Session, open_session
from m4corpus.errors import UserError

#: Inputs that can be made from the tokens alone.
_INPUTS = ("input_ids", "attention_mask", "token_type_ids", "position_ids")


class GraphNetwork(torch.nn.Module):
    """Stands in the place of the network of a :class:`Transformer` module; takes and gives tensors in main memory."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        #: The network's settings, as transformers has them.
        self.config = config
        self._session: Session | None = None

    @property
    def device(self) -> torch.device:
        """Where tensors are handed over, wherever the graph runs."""
        return torch.device("cpu")

    @cached_property
    def embeddings(self) -> Any:
        """The embeddings of the torch network, without memory for weights: how they count positions is written there
        alone."""
        with suppress(Exception), torch.device("meta"):
            return getattr(AutoModel.from_config(self.config), "embeddings", None)
        return None

    def open(self, config: EncoderConfig) -> None:
        """Load the graph; :class:`UserError` where it cannot be used."""
        session = open_session(config)
        if foreign := sorted(set(session.inputs) - set(_INPUTS)):
            raise UserError(
                f"encoder '{config.name}': the graph '{weights(config)}' wants inputs that a text does not have: "
                f"{', '.join(foreign)}",
                "Name another as 'weights', or use 'backend: torch'.",
            )
        self._session = session

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **others: Any) -> dict[str, torch.Tensor]:
        """A vector for each token: ``last_hidden_state``, float32 ``(texts, tokens, width)``."""
        session = self._session
        if session is None:
            raise RuntimeError("the graph was not opened")
        given = {"input_ids": input_ids, "attention_mask": attention_mask, **others}
        made = {name: given[name] if given.get(name) is not None else _made(name, given) for name in session.inputs}
        feeds = {name: made[name].numpy().astype(kind, copy=False) for name, kind in session.inputs.items()}
        return {"last_hidden_state": torch.from_numpy(session.run(feeds).astype("float32", copy=False))}


def _made(name: str, given: dict[str, torch.Tensor]) -> torch.Tensor:
    """An input the tokenizer leaves out: all tokens are of the first kind, positions are counted from 0."""
    if name == "token_type_ids":
        return torch.zeros_like(given["input_ids"])
    return (given["attention_mask"].cumsum(dim=1) - 1).clamp(min=0)


class GraphTransformer(Transformer):
    """The library's module, but for the network."""

    def _load_model(self, model_name_or_path: str, transformer_task: str, config: Any, *_: Any, **__: Any) -> Any:
        return GraphNetwork(config)


class GraphModel(SentenceTransformer):
    """The library's model with a :class:`GraphTransformer` for each :class:`Transformer`."""

    def _load_module_class_from_ref(self, *args: Any, **kwargs: Any) -> type:
        found: type = super()._load_module_class_from_ref(*args, **kwargs)
        return GraphTransformer if found is Transformer else found


def network_of(config: EncoderConfig, model: Any) -> GraphNetwork:
    """The network of a loaded :class:`GraphModel`; raises as :func:`text_module`."""
    network: GraphNetwork = text_module(config, model).model
    return network


def text_module(config: EncoderConfig, model: Any) -> Any:
    """The :class:`Transformer` module of a model, whose network a graph can stand for.

    Raises:
        UserError: the model is of another kind than text through one network to a vector for each token.
    """
    first = model[0]
    taken = getattr(first, "modality_config", {}).get("text", {})
    how = (taken.get("method"), taken.get("method_output_name"))
    if not isinstance(first, Transformer) or how != ("forward", "last_hidden_state"):
        raise UserError(
            f"encoder '{config.name}': its first module ({type(first).__name__.removeprefix('Graph')}) does not give a "
            "vector for each token of a text, so no graph can take the place of its network",
            "Use 'backend: torch'.",
        )
    return first
