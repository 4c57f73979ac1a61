"""What a model of sentence-transformers says of itself: its tokenizer, limit, prompts and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.presets import preset_of
from m4corpus.embed.prompts import PLAIN, Prompts
from m4corpus.embed.transformers.loading import is_routed, passage_module
from m4corpus.errors import UserError

#: ``max_tokens`` of a model that reads texts of any length.
UNLIMITED = 1_000_000
#: Names under which models declare their prompts, the likeliest first.
_QUERY_PROMPTS, _PASSAGE_PROMPTS = ("query",), ("passage", "document", "corpus")


def fast_tokenizer(config: EncoderConfig, model: Any) -> Any:
    """A copy of the tokenizer passages go through that neither truncates nor pads."""
    from tokenizers import Tokenizer

    own = passage_module(config, model).tokenizer if is_routed(model) else model.tokenizer
    tokenizer = getattr(own, "backend_tokenizer", own)
    if not isinstance(tokenizer, Tokenizer):
        raise UserError(f"encoder '{config.name}' has no fast tokenizer, so its tokens cannot be placed in a text")
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def limit(config: EncoderConfig, model: Any) -> int:
    """Tokens the model reads; sets the limit asked for, which may not exceed the number of its positions."""
    own = getattr(passage_module(config, model), "max_seq_length", None) if is_routed(model) else model.max_seq_length
    own = UNLIMITED if own is None or own > UNLIMITED else int(own)
    if config.max_tokens is None:
        return own
    positions = _positions(passage_module(config, model))
    if config.max_tokens > max(own, positions):
        raise UserError(
            f"encoder '{config.name}' reads at most {max(own, positions)} tokens, not {config.max_tokens}",
            "Lower 'max_tokens', or leave it out.",
        )
    model.max_seq_length = config.max_tokens
    return config.max_tokens


def _positions(module: Any) -> int:
    """Positions the network has embeddings for, 0 when it does not say; RoBERTa's kind keeps some to itself."""
    network = getattr(module, "auto_model", None)
    settings = getattr(network, "config", None)
    positions = int(getattr(settings, "max_position_embeddings", 0) or 0)
    kept = getattr(getattr(network, "embeddings", None), "padding_idx", None)
    return positions - (kept + 1 if isinstance(kept, int) else 0)


def prompts_of(config: EncoderConfig, model: Any) -> Prompts:
    """The templates of the recipe, else the prefixes the model declares, else the bare text.

    Raises:
        UserError: the model is known to need prompts, or declares some, but none for queries that we know by its name.
    """

    def declared(names: Sequence[str]) -> str:
        prefix = next((model.prompts[name] for name in names if model.prompts.get(name)), "")
        return f"{prefix}{PLAIN}"

    query, passage = declared(_QUERY_PROMPTS), declared(_PASSAGE_PROMPTS)
    preset = preset_of(config)
    if preset is not None:
        sides = (
            (preset.query_prompt, config.query_prompt, query),
            (preset.passage_prompt, config.passage_prompt, passage),
        )
        if any(needed and given is None and own == PLAIN for needed, given, own in sides):
            raise UserError(
                f"encoder '{config.name}' needs prompts, which the model does not declare",
                f"Use the preset (name: {preset.name}), or set query_prompt and passage_prompt.",
            )
    others = sorted(name for name, prefix in model.prompts.items() if prefix)
    if config.query_prompt is None and query == PLAIN and others:
        raise UserError(
            f"encoder '{config.name}' declares prompts ({', '.join(others)}), but none for queries",
            "Set query_prompt to the one for queries and passage_prompt to that for passages; '{text}' is none.",
        )
    return Prompts(
        query if config.query_prompt is None else config.query_prompt,
        passage if config.passage_prompt is None else config.passage_prompt,
        config.instruction,
    )


def pooling(model: Any) -> str:
    """How token vectors become one: the modes of the pooling module, ``none`` when the model has none."""
    if is_routed(model):
        routes = model[0].sub_modules
        return ", ".join(f"{name}: {pooling(routes[name])}" for name in sorted(routes))
    for module in model:
        if hasattr(module, "get_pooling_mode_str"):
            return str(module.get_pooling_mode_str())
        if hasattr(module, "pooling_mode"):
            return str(module.pooling_mode)
    return "none"
