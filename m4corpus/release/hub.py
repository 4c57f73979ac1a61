"""A data set repository of the Hub, through its own client: what is there, commits that notice others, tags."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from m4corpus.errors import EnvironmentFailure, M4CorpusError, UserError
from m4corpus.release.secrets import scrubbed
from m4corpus.sources.hubrequests import first_line, retried
from m4corpus.sources.streams import GIT_BLOB

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

T = TypeVar("T")
TYPE = "dataset"


class Absent(FileNotFoundError):
    """The Hub says that there is no such file."""


class Conflict(Exception):
    """Somebody else committed since the repository was last looked at."""


class Repository:
    """One data set repository and one of its branches, both made by :meth:`create` when they are not there."""

    def __init__(self, name: str, branch: str = "main") -> None:
        from huggingface_hub import HfApi

        self.name, self.branch = name, branch
        self._api = HfApi()

    def create(self, private: bool) -> None:
        """Make the repository and the branch; an existing one stays as it is, private or not."""
        attempted(lambda: self._api.create_repo(self.name, repo_type=TYPE, private=private or None, exist_ok=True))
        if self.branch != "main":
            attempted(lambda: self._api.create_branch(self.name, branch=self.branch, repo_type=TYPE, exist_ok=True))

    def head(self, revision: str = "") -> str | None:
        """The commit of the branch, or of ``revision``; None where there is no such revision."""
        from huggingface_hub.errors import RevisionNotFoundError

        try:
            return attempted(lambda: self._api.dataset_info(self.name, revision=revision or self.branch).sha)
        except RevisionNotFoundError:
            return None

    def files(self, commit: str, recursive: bool = True) -> dict[str, str]:
        """Digest of every file of a commit, as :func:`digests` has them, by path."""
        from huggingface_hub.hf_api import RepoFile

        listing = attempted(
            lambda: list(self._api.list_repo_tree(self.name, recursive=recursive, revision=commit, repo_type=TYPE))
        )
        return {
            item.path: item.lfs.sha256 if item.lfs else GIT_BLOB + item.blob_id
            for item in listing
            if isinstance(item, RepoFile)
        }

    def commit(self, files: Sequence[tuple[str, Path]], gone: Sequence[str], parent: str, message: str) -> str:
        """Commit files by path in the repository, and removals, on top of ``parent``; the new commit.

        Files that are in the Hub's storage already are not sent again. Raises :class:`Conflict` when the branch is
        not at ``parent`` any more.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete
        from huggingface_hub.errors import HfHubHTTPError

        added: list[CommitOperationAdd] = [CommitOperationAdd(path, str(local)) for path, local in files]

        def upload() -> None:
            self._api.preupload_lfs_files(
                self.name, added, repo_type=TYPE, revision=self.branch, free_memory=False, num_threads=4
            )

        attempted(upload)
        try:
            info = attempted(
                lambda: self._api.create_commit(
                    self.name,
                    [*added, *(CommitOperationDelete(path) for path in gone)],
                    commit_message=message,
                    repo_type=TYPE,
                    revision=self.branch,
                    parent_commit=parent,
                )
            )
        except HfHubHTTPError as error:
            if error.response.status_code in (409, 412):
                raise Conflict from None
            raise
        return str(info.oid)

    def tag(self, name: str, commit: str, *, replace: bool) -> None:
        """Tag a commit; an existing tag stays where it is unless it may be replaced."""
        from huggingface_hub.errors import RevisionNotFoundError

        if replace:
            with suppress(RevisionNotFoundError):
                attempted(lambda: self._api.delete_tag(self.name, tag=name, repo_type=TYPE))
        attempted(lambda: self._api.create_tag(self.name, tag=name, revision=commit, repo_type=TYPE, exist_ok=True))


def digests(path: Path) -> tuple[str, str]:
    """Both digests the Hub may know a file by: SHA-256 of large ones, git's own of small ones."""
    size = path.stat().st_size
    sha256, git = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            sha256.update(block)
            git.update(block)
    return sha256.hexdigest(), GIT_BLOB + git.hexdigest()


@contextmanager
def speaking(doing: str) -> Iterator[None]:
    """What goes wrong with the Hub, as errors a user can act on, and none of them with a token in it."""
    import httpx2
    from huggingface_hub import get_token
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    def said(error: BaseException) -> str:
        return f"cannot {doing}: {scrubbed(first_line(error) if isinstance(error, Exception) else '', get_token())}"

    again = "Run the same command again: what has arrived is not sent again."
    try:
        yield
    except (M4CorpusError, Absent):
        raise
    except OfflineModeIsEnabled:
        raise EnvironmentFailure(f"cannot {doing}: the Hub client is offline", "Unset HF_HUB_OFFLINE.") from None
    except HFValidationError as error:
        raise UserError(said(error), "A repository is named owner/name.") from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403, 404):
            raise UserError(
                said(error),
                "Check the name and the revision, and that you may use them: `hf auth login`, or set HF_TOKEN to a "
                "token that may write where something is published.",
            ) from None
        if status < 500 and status not in (408, 429):
            raise UserError(said(error)) from None
        raise EnvironmentFailure(said(error), again) from None
    except httpx2.HTTPError as error:
        raise EnvironmentFailure(said(error), again) from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise EnvironmentFailure(said(error), again) from None
    except (RuntimeError, ValueError) as error:
        raise EnvironmentFailure(said(error), again) from None


def attempted(call: Callable[[], T]) -> T:
    """What a call of the client returns; tried again where it failed for a moment, waiting as long as the Hub asks."""
    return retried(lambda: _unwrapped(call))


def _unwrapped(call: Callable[[], T]) -> T:
    """What a call returns; an error of the network that the client wrapped in its own is raised as it was."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        return call()
    except (RuntimeError, LocalEntryNotFoundError) as error:
        cause: Any = error.__cause__
        if isinstance(cause, httpx2.TransportError | HfHubHTTPError | OfflineModeIsEnabled):
            raise cause from None
        raise
