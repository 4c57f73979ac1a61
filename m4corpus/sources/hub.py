"""Data sets of the Hugging Face Hub, streamed: what is listed is a commit, what is read is never stored.

A source's path is ``hf://datasets/OWNER/NAME[@REVISION][/GLOB]``. The revision, ``main`` if there is none, is resolved
to a commit when the source is listed, and every byte is fetched of that commit; the listing brings sizes and digests,
so that it costs no download. JSONL is streamed and its digest checked, Parquet read by ranges. Only data files of the
source's own format are ever fetched: a data set's scripts are neither looked for nor run.

Access to what is private is the Hub client's affair (``HF_TOKEN``, ``hf auth login``), and so is its address
(``HF_ENDPOINT``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from m4corpus.errors import EnvironmentFailure, UserError
from m4corpus.sources.globs import Glob, has_wildcard
from m4corpus.sources.hubrequests import first_line, retried, timeout, unreachable
from m4corpus.sources.streams import GIT_BLOB

if TYPE_CHECKING:
    from m4corpus.sources.config import SourceConfig

SCHEME = "hf://"

_ADDRESS = re.compile(r"hf://datasets/([^/@\s]+/[^/@\s]+)(?:@(refs/(?:convert|pr)/[^/]+|[^/]+))?(?:/(.*))?", re.DOTALL)


class Address(NamedTuple):
    """What a path of the Hub means; ``rest`` is a glob, a file or a folder of the data set, empty for all of it."""

    name: str
    revision: str
    rest: str


class Entry(NamedTuple):
    """One file of a data set: ``digest`` as a :class:`SourceFile` has it, ``address`` with the commit."""

    path: str
    size: int
    digest: str
    address: str


def is_address(path: str) -> bool:
    """Whether ``path`` leads to the Hub."""
    return path.startswith(SCHEME)


def parse(path: str) -> Address:
    """The parts of an address; raises ``ValueError`` for one of another form."""
    found = _ADDRESS.fullmatch(path)
    if not found:
        raise ValueError(f"{path}: an address of the Hub is hf://datasets/OWNER/NAME[@REVISION][/GLOB]")
    return Address(found[1], unquote(found[2] or "main"), (found[3] or "").strip("/"))


def commit(address: str) -> str:
    """``OWNER/NAME@COMMIT`` of an entry's address."""
    name, revision, _ = parse(address)
    return f"{name}@{revision}"


def entries(source: SourceConfig) -> list[Entry]:
    """The files a source takes, without those that begin with a dot; paths start from the root of the data set.

    Raises :class:`UserError` for a data set, revision or folder that is not there or not open to this user,
    :class:`EnvironmentFailure` when the Hub cannot be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    name, revision, rest = parse(source.path)
    api = HfApi()
    with _complaints(source):
        sha = retried(lambda: api.dataset_info(name, revision=revision, timeout=timeout()).sha)
        listing = retried(
            lambda: list(api.list_repo_tree(name, _folder(rest), recursive=True, revision=sha, repo_type="dataset"))
        )
    found, taken = [], _choice(source, rest)
    for item in listing:
        if isinstance(item, RepoFile) and taken(item.path):
            digest = item.lfs.sha256 if item.lfs else GIT_BLOB + item.blob_id
            found.append(Entry(item.path, item.size, digest, f"{SCHEME}datasets/{name}@{sha}/{item.path}"))
    return found


@contextmanager
def _complaints(source: SourceConfig) -> Iterator[None]:
    """What goes wrong in listing a source, as errors a user can act on."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    where = f"source {source.name}: {source.path}"
    try:
        yield
    except OfflineModeIsEnabled:
        raise EnvironmentFailure(f"{where}: the Hub client is offline", "Unset HF_HUB_OFFLINE.") from None
    except HFValidationError as error:
        raise UserError(f"{where}: {first_line(error)}", "Correct 'path'.") from None
    except HfHubHTTPError as error:
        if error.response.status_code in (400, 401, 403, 404):
            raise UserError(
                f"{where}: {first_line(error)}",
                "Check the name, the revision and the folder; for what is private or gated, set HF_TOKEN.",
            ) from None
        raise unreachable(error) from None
    except httpx2.TransportError as error:
        raise unreachable(error) from None


def _folder(rest: str) -> str | None:
    """The folder that holds everything ``rest`` can mean."""
    fixed = []
    for part in rest.split("/")[:-1]:
        if has_wildcard(part):
            break
        fixed.append(part)
    return "/".join(fixed) or None


def _choice(source: SourceConfig, rest: str) -> Callable[[str], bool]:
    """Whether a path of the data set is one that the source takes."""
    left_out = [Glob(pattern) for pattern in source.exclude]
    wanted = [Glob(pattern) for pattern in ([rest] if has_wildcard(rest) else source.patterns)]
    narrowed = [Glob(pattern) for pattern in source.include]

    def taken(path: str) -> bool:
        parts = path.split("/")
        above = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
        if any(glob.matches(name) for glob in left_out for name in above):
            return False
        if path == rest:
            return True
        if not has_wildcard(rest) and rest and rest not in above:
            return False
        return any(glob.matches(path) for glob in wanted) and (
            not narrowed or any(glob.matches(path) for glob in narrowed)
        )

    return taken
