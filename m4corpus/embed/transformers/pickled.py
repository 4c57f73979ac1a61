"""Weights stored as pickle can run code when they are read: they are not, unless the recipe trusts the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.files import files_below
from m4corpus.embed.transformers.swapped import Swapped
from m4corpus.errors import UserError


class PickledWeights(UserError):
    """A model's weights are stored as pickle, and the recipe does not trust them."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"encoder '{name}' stores weights as pickle, which can run code when it is read",
            "Convert the model to safetensors (load it where you trust it, and save it again), choose a revision that "
            "has them, or set 'trust_remote_code: true' if you trust its makers.",
        )


@contextmanager
def without_pickle(config: EncoderConfig) -> Iterator[None]:
    """Refuses weights stored as pickle, in whatever module of a model they are, to this thread alone.

    transformers refuses them for its networks when asked to. Other modules of sentence-transformers, and adapters, are
    read as they are found; all of that goes through :func:`torch.load`, and nothing can be said to it from outside.
    """
    if config.trust_remote_code:
        yield
        return
    token = _loading.set(config.name)
    try:
        with _asked:
            yield
    except OSError as error:
        if _has_pickle_alone(config.name, str(error)):
            raise PickledWeights(config.name) from None
        raise
    finally:
        _loading.reset(token)


#: Name of the encoder that this thread loads without pickle.
_loading: ContextVar[str] = ContextVar("loading", default="")


def _torch() -> Any:
    import torch

    return torch


def _asking(load: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(load)
    def asking(*args: Any, **options: Any) -> Any:
        if name := _loading.get():
            raise PickledWeights(name)
        return load(*args, **options)

    return asking


_asked = Swapped(_torch, "load", _asking)


def _has_pickle_alone(name: str, said: str) -> bool:
    """Whether what transformers said, asked to read safetensors alone, means that there is pickle instead."""
    directory = Path(name).expanduser()
    if directory.is_dir():
        return "no file named model.safetensors" in said and any(
            path.match("pytorch_model*.bin") for path in files_below(directory)
        )
    return "cannot be loaded with `safetensors`" in said
