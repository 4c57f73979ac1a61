"""Code that a model directory would have run, found in its files before anything of it is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.files import files_below
from m4corpus.errors import UserError

#: Where a network's settings say how it computes attention.
_ATTENTION = ("attn_implementation", "_attn_implementation", "_attn_implementation_internal")


def refuse_code(config: EncoderConfig, directory: Path) -> None:
    """Say plainly, before anything is loaded, that a model wants code of its own run.

    A network that transformers has itself is taken from there, whatever code lies beside it.
    """
    if config.trust_remote_code:
        return
    if foreign := foreign_code(directory):
        raise UserError(
            f"encoder '{config.name}' brings Python code of its own ({', '.join(foreign[:3])})",
            "Read it; if you trust it, set 'trust_remote_code: true'.",
        )


def foreign_code(directory: Path) -> list[str]:
    """Classes that a model directory brings and transformers does not have, and repositories of code for attention.

    Raises:
        UserError: a file that says so is not what it should be.
    """
    from transformers import CONFIG_MAPPING

    foreign = sorted(kind for kind in _modules(directory) if not kind.startswith("sentence_transformers."))
    for path in sorted(path for path in files_below(directory) if path.name == "config.json"):
        settings = _json(path, {})
        if not isinstance(settings, dict):
            raise _damaged(path)
        named, kind = settings.get("auto_map") or {}, settings.get("model_type", "")
        if not isinstance(named, dict) or not isinstance(kind, str):
            raise _damaged(path)
        if named and kind not in CONFIG_MAPPING:
            foreign += sorted(map(str, named.values()))
        foreign += sorted(name for name in _attention(settings) if "/" in name)
    return foreign


def _modules(directory: Path) -> list[str]:
    """Classes of the model's modules; none where there is no such file."""
    path = directory / "modules.json"
    modules = _json(path, [])
    if not isinstance(modules, list):
        raise _damaged(path)
    for module in modules:
        if not isinstance(module, dict) or not isinstance(module.get("type"), str):
            raise _damaged(path)
    return [module["type"] for module in modules]


def _attention(settings: Any, wanted: bool = False) -> Iterator[str]:
    """Names of ways to compute attention, of a network and of the networks in it."""
    if isinstance(settings, str):
        yield from [settings] if wanted else []
    elif isinstance(settings, dict):
        for key, value in settings.items():
            yield from _attention(value, wanted or key in _ATTENTION)


def _damaged(path: Path) -> UserError:
    return UserError(f"the model file '{path}' is damaged", "Check that it is a whole sentence-transformers model.")


def _json(path: Path, otherwise: Any) -> Any:
    """Content of a JSON file; ``otherwise`` where it has none, which whoever loads the model will say."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return otherwise
