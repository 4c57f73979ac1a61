"""Networks whose files lack some of their weights: transformers makes those up, at random each time, and says little.

It happens to files that were cut short, and to models whose network is code of their own under a type that transformers
has too (``bert`` with other positions, say): without that code it is transformers' network that is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.transformers.swapped import Swapped
from m4corpus.errors import UserError

#: What BERT and its kin compute beside the vectors of tokens, for their own training. Many encoders do not store it.
_POOLER, _POOLED = "pooler.", "pooler_output"


class IncompleteWeights(UserError):
    """A model's files do not have all weights of the network they are loaded into."""

    def __init__(self, config: EncoderConfig, lacking: list[str]) -> None:
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        super().__init__(
            f"encoder '{config.name}' lacks weights of its network: {', '.join(lacking[:3])}{more}",
            "Its files are incomplete, or made for another release of transformers."
            if config.trust_remote_code
            else "Its files are incomplete, or its network is code of its own, which config.json names in 'auto_map': "
            "read it; if you trust it, set 'trust_remote_code: true'.",
        )


@contextmanager
def noting_missing() -> Iterator[set[str]]:
    """Gives the set of weights that the networks which this thread loads lack, filled while they are loaded.

    sentence-transformers does not tell. transformers does when it is asked to, so it is, whoever loads the network.
    """
    missing: set[str] = set()
    token = _missing.set(missing)
    try:
        with _asked:
            yield missing
    finally:
        _missing.reset(token)


def refuse_incomplete(config: EncoderConfig, model: Any, missing: set[str]) -> None:
    """Raise :class:`IncompleteWeights` where vectors rest on weights that are missing."""
    pooled = any(_POOLED in str(getattr(module, "modality_config", "")) for module in model.modules())
    if lacking := sorted(key for key in missing if pooled or not key.startswith(_POOLER)):
        raise IncompleteWeights(config, lacking)


#: Weights that were missing from the model this thread loads; None in threads that load none.
_missing: ContextVar[set[str] | None] = ContextVar("missing", default=None)


def _networks() -> Any:
    from transformers import PreTrainedModel

    return PreTrainedModel


def _telling(own: Any) -> Any:
    @wraps(own.__func__)
    def from_pretrained(cls: type, *args: Any, **options: Any) -> Any:
        load = own.__get__(None, cls)
        missing = _missing.get()
        if missing is None:
            return load(*args, **options)
        wanted = options.pop("output_loading_info", False)
        network, info = load(*args, output_loading_info=True, **options)
        missing.update(info["missing_keys"])
        return (network, info) if wanted else network

    return classmethod(from_pretrained)


_asked = Swapped(_networks, "from_pretrained", _telling)
