"""What decides the vectors of a sentence-transformers model, found without loading it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.files import content_digest, model_files
from m4corpus.embed.prompts import Prompts
from m4corpus.embed.transformers import graph, passes
from m4corpus.errors import UserError
from m4corpus.packages import installed
from m4corpus.storage.digests import digest_of

PACKAGES = ("sentence-transformers", "transformers", "tokenizers", "torch")

_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def provenance(config: EncoderConfig) -> dict[str, Any]:
    """The model's commit or content, options, packages, and the graph that is run where one is.

    Raises:
        UserError: no such directory, a Hub id without its commit hash, options that do not go together, or a package
            or a graph that is missing.
    """
    check_source(config)
    directory = Path(config.name).expanduser()
    if directory.is_dir():
        digests = [[name, content_digest(path)] for name, path in model_files(directory).items()]
        model = {"files": digest_of(digests)}
    else:
        model = {"name": config.name, "revision": config.revision}
    return {
        **model,
        "passes": passes.VERSION,
        **graph.provenance(config),
        "packages": {package: installed(package) for package in PACKAGES},
        "options": {
            "query_prompt": config.query_prompt,
            "passage_prompt": config.passage_prompt,
            **_instructions(config),
            "query_task": config.query_task,
            "passage_task": config.passage_task,
            "dtype": config.dtype,
            "max_tokens": config.max_tokens,
            "normalise": config.normalise,
            "trust_remote_code": config.trust_remote_code,
            **borrowed(config),
        },
    }


def borrowed(config: EncoderConfig) -> dict[str, Any]:
    """The commit of code from another repository, where the recipe names one."""
    return {"code_revision": config.code_revision} if config.code_revision else {}


def _instructions(config: EncoderConfig) -> dict[str, Any]:
    """What queries are told, where that is part of the recipe."""
    if config.query_prompt is None:
        return {"instruction": config.instruction}
    prompts = Prompts(query=config.query_prompt, instruction=config.instruction)
    return {key: value for key, value in prompts.identity().items() if key.startswith("instruction")}


def check_source(config: EncoderConfig) -> None:
    """Raise :class:`UserError` for a name that is no directory and no Hub id with its commit hash, and for a commit of
    code that is none, or that would not run."""
    _check_code(config)
    if Path(config.name).expanduser().is_dir():
        if config.revision:
            raise UserError(f"encoder '{config.name}' is a directory and takes no revision", "Leave 'revision' out.")
        return
    if not _HUB_ID.fullmatch(config.name) or config.name.startswith((".", "~")):
        raise UserError(f"encoder: no model directory '{config.name}'", "Check the path.")
    if not config.revision:
        raise UserError(
            f"encoder '{config.name}' needs a revision (there is no directory of that name either)",
            "Pin the model: put the commit hash shown on its Hub page, under 'Files', into 'revision'.",
        )
    _check_commit(config.name, "revision", config.revision)


def _check_code(config: EncoderConfig) -> None:
    if not config.code_revision:
        return
    _check_commit(config.name, "code_revision", config.code_revision)
    if not config.trust_remote_code:
        raise UserError(
            f"encoder '{config.name}' has a code_revision, but no code may run",
            "Read the code at that commit; if you trust it, set 'trust_remote_code: true'. If the model needs none, "
            "leave 'code_revision' out.",
        )


def _check_commit(name: str, option: str, given: str) -> None:
    if not _COMMIT.fullmatch(given):
        raise UserError(
            f"encoder '{name}': {option} '{given}' is no commit hash",
            "A branch or tag may move; give the 40 hex digits of the commit.",
        )
