"""Loads the object of the sentence-transformers library, from a directory or from the Hub, once a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.files import State, file_state, model_files
from m4corpus.embed.transformers import hub
from m4corpus.embed.transformers.adapters import BorrowedWeights, without_adapters
from m4corpus.embed.transformers.borrowed import UnpinnedCode, with_pinned_code
from m4corpus.embed.transformers.foreign_code import refuse_code
from m4corpus.embed.transformers.pickled import PickledWeights, without_pickle
from m4corpus.embed.transformers.whole import IncompleteWeights, noting_missing, refuse_incomplete
from m4corpus.errors import UserError


def load_network(config: EncoderConfig) -> Any:
    """The model on its device, in evaluation mode and in the type asked for.

    Raises:
        UserError: the library, the device or the model is missing, or the model cannot be used.
    """
    return _network(config, _states(config))


def load_unplaced(config: EncoderConfig) -> Any:
    """The model as it is stored, to be asked for its tokenizer, limits and prompts, but not to be run.

    The library loads no tokenizer without its network, and what it makes of a tokenizer (lower case, limits) depends
    on the network's settings. So all of it is loaded, but neither copied to a device nor converted: weights stored as
    safetensors are mapped into memory and never read. Weights in other files are read.

    Raises:
        UserError: as :func:`load_network`, but for the device, which is not touched.
    """
    return _unplaced(config, _states(config))


def _states(config: EncoderConfig) -> tuple[State, ...]:
    """Tells a directory whose content has changed from what it was; nothing for a commit, which never changes."""
    directory = Path(config.name).expanduser()
    return tuple(file_state(path) for path in model_files(directory).values()) if directory.is_dir() else ()


# Kept for the process, because a worker makes an encoder for every task.
@lru_cache(maxsize=1)
def _network(config: EncoderConfig, states: tuple[State, ...]) -> Any:
    torch = _torch(config)
    if config.backend != "torch":
        return _with_graph(config)
    if config.device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"encoder '{config.name}': this machine has no usable '{config.device}'", "Use device: cpu.")
    return _found(config, config.device).to(getattr(torch, config.dtype)).eval()


@lru_cache(maxsize=1)
def _unplaced(config: EncoderConfig, states: tuple[State, ...]) -> Any:
    _torch(config)
    return _found(config, "cpu")


def _with_graph(config: EncoderConfig) -> Any:
    """A model whose network is a graph, which has been run once."""
    model = _found(config, "cpu").eval()
    from m4corpus.embed.transformers.network import network_of

    with _reported(config.name):
        network_of(config, model).open(config)
        model.encode(["a"], prompt="", show_progress_bar=False)
    return model


def tasks_of(config: EncoderConfig, model: Any) -> tuple[str | None, str | None]:
    """Tasks that queries and passages are encoded for: those of the recipe, or the usual ones of a model with several
    networks; None where a model has but one."""
    query, passage = ("query", "document") if is_routed(model) else (None, None)
    return config.query_task or query, config.passage_task or passage


def passage_module(config: EncoderConfig, model: Any) -> Any:
    """The first module that passages go through, and the tokenizer with them: of a model with several networks, the
    one for documents."""
    first = model[0]
    return first.sub_modules[_route(first, tasks_of(config, model)[1])][0] if is_routed(model) else first


def is_routed(model: Any) -> bool:
    """Whether a model has networks of their own for queries and documents."""
    return type(model[0]).__name__ == "Router"


def _route(router: Any, task: str | None) -> str:
    """The route of a task, which a model may have under another name."""
    return str(router._resolve_route(task=task, modality="text"))


def _torch(config: EncoderConfig) -> Any:
    try:
        import sentence_transformers  # noqa: F401
        import torch
    except ImportError as error:
        raise UserError(f"encoder '{config.name}': {error}", "pip install sentence-transformers") from None
    return torch


def _found(config: EncoderConfig, device: str) -> Any:
    """The model from its directory, from the Hub's cache on this machine, or else from the Hub."""
    library = _library(config)

    def loaded(name: str, *, local: bool, revision: str | None = None) -> Any:
        with (
            quiet(),
            _reported(config.name),
            without_pickle(config),
            with_pinned_code(config),
            without_adapters(config),
            noting_missing() as missing,
        ):
            model = library(
                name,
                revision=revision,
                device=device,
                trust_remote_code=config.trust_remote_code,
                local_files_only=local,
                model_kwargs=None if config.trust_remote_code else {"use_safetensors": True},
            )
        refuse_incomplete(config, model, missing)
        return model

    directory = Path(config.name).expanduser()
    if directory.is_dir():
        refuse_code(config, directory)
        model = loaded(str(directory.resolve()), local=True)
    else:
        model = None
        if hub.is_cached(config.name, config.revision):
            try:
                model = loaded(config.name, local=True, revision=config.revision)
            except (PickledWeights, UnpinnedCode, IncompleteWeights, BorrowedWeights):
                raise
            except UserError:
                # The cache holds a part of it; the Hub has the rest.
                model = None
        if model is None:
            hub.check_reachable(config.name, config.revision)
            model = loaded(config.name, local=False, revision=config.revision)
    _refuse_unsupported(config, model)
    return model


def _library(config: EncoderConfig) -> Any:
    """The class of the library that a model becomes an object of."""
    if config.backend == "torch":
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer
    try:
        from m4corpus.embed.transformers.network import GraphModel
    except ImportError as error:
        raise UserError(
            f"backend {config.backend} needs another release of sentence-transformers: {error}",
            "pip install 'sentence-transformers>=6,<7'",
        ) from None
    return GraphModel


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and warnings of the model library; its settings are put back."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def _reported(name: str) -> Iterator[None]:
    """The dozens of errors the libraries below raise for a damaged or incomplete model, as one for the user."""
    try:
        yield
    except (MemoryError, UserError):
        raise
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"cannot load the model '{name}': {reason}", "Check that it is a whole sentence-transformers model."
        ) from None


def _refuse_unsupported(config: EncoderConfig, model: Any) -> None:
    if is_routed(model):
        for task in tasks_of(config, model):
            try:
                _route(model[0], task)
            except ValueError:
                raise UserError(
                    f"encoder '{config.name}' has several networks, but none named '{task}'",
                    f"It has: {', '.join(sorted(model[0].sub_modules))}. Name one for queries as query_task, one for "
                    "chunks as passage_task.",
                ) from None
    for module in model.modules():
        if getattr(module, "include_prompt", True) is False:
            raise UserError(
                f"encoder '{config.name}' leaves its prompt out of the vector, which m4corpus cannot do yet"
            )
