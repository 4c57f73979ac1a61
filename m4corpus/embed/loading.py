"""Loads the object of the sentence-transformers library, from a directory or from the Hub, once a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from m4corpus.embed import hub
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.files import State, file_state, model_files
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
    if config.device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"encoder '{config.name}': this machine has no usable '{config.device}'", "Use device: cpu.")
    return _found(config, config.device).to(getattr(torch, config.dtype)).eval()


@lru_cache(maxsize=1)
def _unplaced(config: EncoderConfig, states: tuple[State, ...]) -> Any:
    _torch(config)
    return _found(config, "cpu")


def _torch(config: EncoderConfig) -> Any:
    try:
        import sentence_transformers  # noqa: F401
        import torch
    except ImportError as error:
        raise UserError(f"encoder '{config.name}': {error}", "pip install sentence-transformers") from None
    return torch


def _found(config: EncoderConfig, device: str) -> Any:
    """The model from its directory, from the Hub's cache on this machine, or else from the Hub."""
    from sentence_transformers import SentenceTransformer

    def loaded(name: str, *, local: bool, revision: str | None = None) -> Any:
        with _quiet(), _reported(config.name):
            return SentenceTransformer(
                name,
                revision=revision,
                device=device,
                trust_remote_code=config.trust_remote_code,
                local_files_only=local,
            )

    directory = Path(config.name).expanduser()
    if directory.is_dir():
        model = loaded(str(directory.resolve()), local=True)
    else:
        model = None
        if hub.is_cached(config.name, config.revision):
            with suppress(UserError):
                model = loaded(config.name, local=True, revision=config.revision)
        if model is None:
            hub.check_reachable(config.name, config.revision)
            model = loaded(config.name, local=False, revision=config.revision)
    _refuse_unsupported(config.name, model)
    return model


@contextmanager
def _quiet() -> Iterator[None]:
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
    except MemoryError:
        raise
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"cannot load the model '{name}': {reason}", "Check that it is a whole sentence-transformers model."
        ) from None


def _refuse_unsupported(name: str, model: Any) -> None:
    for module in model:
        if type(module).__name__ == "Router":
            raise UserError(
                f"encoder '{name}' has separate networks for queries and passages, which m4corpus cannot use yet"
            )
        if getattr(module, "include_prompt", True) is False:
            raise UserError(f"encoder '{name}' leaves its prompt out of the vector, which m4corpus cannot do yet")
