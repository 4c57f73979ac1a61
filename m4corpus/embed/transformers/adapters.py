"""Adapters of another model's weights: that model is named by the adapter and pinned by nobody, so none is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.transformers.swapped import Swapped
from m4corpus.errors import UserError


class BorrowedWeights(UserError):
    """A model is an adapter, and takes the weights it adapts from elsewhere."""

    def __init__(self, name: str, file: str) -> None:
        super().__init__(
            f"encoder '{name}' is an adapter ({file}) of another model, of which nobody pins a commit",
            "Merge the adapter into its base where you trust both (peft: merge_and_unload), save the whole model, and "
            "give its directory as 'name'.",
        )


@contextmanager
def without_adapters(config: EncoderConfig) -> Iterator[None]:
    """Refuses networks that are adapters, to this thread alone.

    sentence-transformers looks for an adapter's file in each network of a model, in a directory or on the Hub, and
    where there is one takes at least the settings of the network from the model that it adapts. Code of a model may
    have adapters of its own network, which are not looked for there.
    """
    token = _loading.set(config.name)
    try:
        with _asked:
            yield
    finally:
        _loading.reset(token)


#: Name of the encoder that this thread loads.
_loading: ContextVar[str] = ContextVar("loading", default="")


def _networks() -> Any:
    from sentence_transformers.base.modules import transformer

    return transformer


def _refusing(find: Callable[..., str | None]) -> Callable[..., str | None]:
    @wraps(find)
    def refusing(*args: Any, **options: Any) -> str | None:
        found = find(*args, **options)
        name = _loading.get()
        if name and found is not None:
            raise BorrowedWeights(name, "adapter_config.json")
        return found

    return refusing


_asked = Swapped(_networks, "find_adapter_config_file", _refusing)
