"""Tables of data sets on the Hugging Face Hub, at one commit."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import unquote

from m4corpus.errors import UserError

SCHEME = "hf://datasets/"
#: Seconds the Hub has for its answer.
TIMEOUT = 30.0

_SPEC = re.compile(r"hf://datasets/(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[^/@]+))?(/(?P<path>.+))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def hub_files(spec: str, formats: tuple[str, ...]) -> list[tuple[str, Path]]:
    """Name (with the commit) and local copy of each file ``hf://datasets/owner/name[@revision][/path]`` means.

    ``path`` may be a glob. Without one it is the data set's files in the one of ``formats`` that takes the fewest
    bytes: many keep the same table with and without images. What was fetched before needs no network if the revision
    is a commit. Raises :class:`UserError`.
    """
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise UserError(f"{spec} names no data set", hint="Write hf://datasets/owner/name, with @revision and /file.")
    repo, revision, path = match["repo"], unquote(match["revision"] or ""), match["path"] or ""
    commit, sizes = _listing(repo, revision)
    chosen = sorted(name for name in sizes if fnmatchcase(name, path)) if path else _lightest(sizes, formats)
    if not chosen:
        raise UserError(
            f"{spec}: no {'such file' if path else 'table'} in the data set",
            hint=f"It holds: {', '.join(sorted(sizes)[:20]) or 'nothing'}.",
        )
    return [(f"{SCHEME}{repo}@{commit}/{name}", _fetch(repo, commit, name)) for name in chosen]


def _lightest(sizes: dict[str, int], formats: tuple[str, ...]) -> list[str]:
    groups = [sorted(name for name in sizes if name.lower().endswith(suffix)) for suffix in formats]
    return min((group for group in groups if group), key=lambda group: sum(sizes[name] for name in group), default=[])


def _listing(repo: str, revision: str) -> tuple[str, dict[str, int]]:
    """The commit ``revision`` stands for, and the size in bytes of each of its files."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        info = HfApi().dataset_info(repo, revision=revision or None, timeout=TIMEOUT, files_metadata=True)
    except RevisionNotFoundError:
        raise UserError(f"the data set '{repo}' has no revision {revision}") from None
    except RepositoryNotFoundError:
        raise UserError(
            f"there is no data set '{repo}' on the Hub, or it needs an account",
            hint="Check the name; log in with: hf auth login",
        ) from None
    # Which HTTP library the Hub's client stands on, and so which errors it raises, changes with its version.
    except Exception as error:
        cached = _cached(repo, revision)
        if cached:
            return revision, cached
        raise _unreachable(repo, error) from None
    return str(info.sha), {file.rfilename: file.size or 0 for file in info.siblings or []}


def _cached(repo: str, commit: str) -> dict[str, int]:
    from huggingface_hub.constants import HF_HUB_CACHE

    if not _COMMIT.fullmatch(commit):
        return {}
    folder = Path(HF_HUB_CACHE) / f"datasets--{repo.replace('/', '--')}" / "snapshots" / commit
    return {p.relative_to(folder).as_posix(): p.stat().st_size for p in sorted(folder.rglob("*")) if p.is_file()}


def _fetch(repo: str, commit: str, name: str) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(repo, name, repo_type="dataset", revision=commit))
    except OSError as error:
        if error.errno:
            raise
        raise _unreachable(repo, error) from None
    except Exception as error:
        raise _unreachable(repo, error) from None


def _unreachable(repo: str, error: Exception) -> UserError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return UserError(
        f"the data set '{repo}' is not on this machine, and the Hub cannot be reached: {reason}",
        hint="Connect to the network, or download the table elsewhere and give its path.",
    )
