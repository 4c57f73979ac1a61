"""Code that a model borrows from another repository: it runs at the commit the recipe names, or not at all.

A model's files may name classes of other repositories (``organisation/code--module.Class``). The model's revision does
not reach there, and transformers would run whatever is newest.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from inspect import signature
from pathlib import Path, PurePosixPath
from typing import Any

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.transformers.swapped import Swapped
from m4corpus.errors import UserError


class UnpinnedCode(UserError):
    """A model borrows code that the recipe does not pin: from a repository without its commit, or a directory that is
    not the model's."""


@contextmanager
def with_pinned_code(config: EncoderConfig) -> Iterator[None]:
    """Has code that this thread loads with a model come from the model's revision and from ``code_revision``.

    transformers can be told the latter, but sentence-transformers hands it on to the first class that it looks up, and
    code that loads more code knows nothing of it. So it is said where transformers fetches files with code.

    Raises:
        UnpinnedCode: the recipe names no commit for code of another repository, or there are several such repositories.
    """
    if not config.trust_remote_code:
        yield  # without code
        return
    loading = _Loading(config)
    token = _loading.set(loading)
    try:
        with _pinned:
            yield
    finally:
        _loading.reset(token)
        # The libraries try one way of loading after another, and may have taken the refusal for a failed attempt.
        if loading.refused is not None:
            raise loading.refused


class _Loading:
    """A model that a thread loads, and where its code comes from."""

    def __init__(self, config: EncoderConfig) -> None:
        self._config = config
        self._lenders: set[str] = set()
        self.refused: UnpinnedCode | None = None

    def is_own(self, repository: str) -> bool:
        """Whether a repository is the model's."""
        return repository == self._config.name

    def check_place(self, repository: str, file: str) -> None:
        """Raise :class:`UnpinnedCode` for code that lies beside the model or the repository: no digest knows of it."""
        directory = Path(repository)
        if directory.is_dir():
            # The file itself may be a link to elsewhere, as in the Hub's cache: its content is in the digest.
            name, place = Path(self._config.name).expanduser(), directory.resolve()
            model, found = name.resolve(), Path(os.path.normpath(place / file))
            own = name.is_dir() and place.is_relative_to(model) and found.is_relative_to(model)
            # Hidden files are not.
            own = own and not any(part.startswith(".") for part in found.relative_to(model).parts)
        else:
            own = not PurePosixPath(file).is_absolute() and ".." not in PurePosixPath(file).parts
        if not own:
            self.refused = UnpinnedCode(
                f"encoder '{self._config.name}' runs code that is not of the model itself: '{file}' in '{repository}'",
                "Copy the code into the model's directory, and have the model's files name it 'module.Class'.",
            )
            raise self.refused

    def revision(self, repository: str) -> str:
        """The commit at which code of a repository runs; :class:`UnpinnedCode` where none is known."""
        config = self._config
        if self.is_own(repository):
            return config.revision
        self._lenders.add(repository)
        if not config.code_revision:
            self.refused = UnpinnedCode(
                f"encoder '{config.name}' runs code of another repository, '{repository}', of which the recipe names "
                "no commit",
                "Read that code, and put the commit hash shown on its Hub page, under 'Files', into 'code_revision'. A "
                "snapshot without one is made again: run its recipe with 'code_revision'.",
            )
        elif len(self._lenders) > 1:
            self.refused = UnpinnedCode(
                f"encoder '{config.name}' runs code of several other repositories ({', '.join(sorted(self._lenders))}),"
                " which one 'code_revision' cannot pin",
                "Download the model, copy the code into its directory, have the model's files name it 'module.Class', "
                "and give that directory as 'name'.",
            )
        if self.refused is not None:
            raise self.refused
        return config.code_revision


#: The model that this thread loads with code; None in threads that load none.
_loading: ContextVar[_Loading | None] = ContextVar("loading", default=None)


def _code() -> Any:
    from transformers import dynamic_module_utils

    return dynamic_module_utils


def _at_commit(own: Callable[..., str]) -> Callable[..., str]:
    @wraps(own)
    def cached(*args: Any, **options: Any) -> str:
        loading = _loading.get()
        if loading is None:
            return own(*args, **options)
        given = signature(own).bind(*args, **options)
        repository = str(given.arguments["pretrained_model_name_or_path"])
        loading.check_place(repository, str(given.arguments["module_file"]))
        if Path(repository).is_dir():
            return own(*args, **options)
        given.arguments["revision"] = revision = loading.revision(repository)
        try:
            return own(*given.args, **given.kwargs)
        except OSError as error:
            if loading.is_own(repository):
                # Not all that a model names is code of its own: sentence-transformers looks elsewhere then.
                raise
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UserError(
                f"no code of '{repository}' at {revision}: {reason}", "Check that the commit is one of that repository."
            ) from None

    return cached


_pinned = Swapped(_code, "get_cached_module_file", _at_commit)
