"""Where a release lies: on the Hub, in a directory, or behind any address fsspec knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from m4corpus.errors import EnvironmentFailure, IntegrityError, UserError
from m4corpus.release.hub import TYPE, Absent, attempted, speaking
from m4corpus.release.receiving import receive, too_long
from m4corpus.release.secrets import scrubbed
from m4corpus.release.web import WebStore

_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
#: What to install for a protocol that fsspec knows but has no client for.
_EXTRAS = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs",
           "ssh": "paramiko", "sftp": "paramiko"}  # fmt: skip
_WEB = ("http", "https")


class Store(Protocol):
    """A place files are fetched from."""

    @property
    def origin(self) -> str:
        """What the place is called in manifests: no secrets, no path of this machine."""

    def fetch(self, path: str, target: Path, most: int) -> None:
        """Bring a file of at most ``most`` bytes to ``target``; what is at ``target`` already is the beginning of it.

        Raises:
            FileNotFoundError: the file is not there.
            IntegrityError: it is longer; of what came too much nothing is kept.
        """


class HubStore:
    """A commit of a data set repository, fetched by the Hub's own client."""

    def __init__(self, repository: str, revision: str) -> None:
        from huggingface_hub import HfApi

        self.repository = repository
        with speaking(f"find {repository}@{revision or 'main'}"):
            self.commit = str(attempted(lambda: HfApi().dataset_info(repository, revision=revision or "main").sha))
        self._sizes: dict[bool, dict[str, int]] = {}
        self._listing = Lock()

    @property
    def origin(self) -> str:
        """``owner/name@commit``."""
        return f"{self.repository}@{self.commit}"

    def fetch(self, path: str, target: Path, most: int) -> None:
        """As :meth:`Store.fetch`; the client keeps what it has of a file beside ``target``."""
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import RemoteEntryNotFoundError

        if self.files(recursive="/" in path).get(path, 0) > most:
            raise too_long(f"{path} from {self.origin}", most)
        folder = target.parent / "hub"
        with speaking(f"fetch {path} of {self.repository}"):
            try:
                # The digest is compared by who asked, so an answer of the client's cache is as good as the Hub's.
                found = attempted(
                    lambda: hf_hub_download(
                        self.repository, path, repo_type=TYPE, revision=self.commit, local_dir=folder
                    )
                )
            except RemoteEntryNotFoundError:
                raise Absent(f"{self.origin} has no {path}") from None
        if Path(found).is_symlink():
            raise IntegrityError(f"{found} is a link")
        Path(found).replace(target)

    def files(self, recursive: bool = True) -> dict[str, int]:
        """Size of every file of the commit, or of those that lie in no folder, by path; asked for once."""
        from huggingface_hub import HfApi
        from huggingface_hub.hf_api import RepoFile

        def listing() -> list[Any]:
            tree = HfApi().list_repo_tree(self.repository, recursive=recursive, revision=self.commit, repo_type=TYPE)
            return list(tree)

        # Several threads fetch files, and all but one wait for the list.
        with self._listing:
            if recursive not in self._sizes:
                with speaking(f"list {self.repository}"):
                    found = attempted(listing)
                self._sizes[recursive] = {item.path: item.size for item in found if isinstance(item, RepoFile)}
            return self._sizes[recursive]


class LocalStore:
    """A directory."""

    origin = "a directory"

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def fetch(self, path: str, target: Path, most: int) -> None:
        """As :meth:`Store.fetch`; raises :class:`IntegrityError` for a link too."""
        source = self.root / path
        if source.resolve() != source:
            raise IntegrityError(f"{source} is a link, or lies behind one", "Put the files themselves there.")
        with source.open("rb") as stream:
            _append(stream, target, most, f"{path} from {self.origin}")


class FsspecStore:
    """An address fsspec knows, such as ``s3://bucket/folder``."""

    def __init__(self, url: str) -> None:
        import fsspec

        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.origin = scrubbed(urlunsplit((parts.scheme, host, parts.path, "", "")))
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            package = _EXTRAS.get(parts.scheme)
            hint = "m4corpus[s3]" if package == "s3fs" else package
            raise UserError(
                f"cannot open {self.origin}: {scrubbed(str(error).splitlines()[0] if str(error) else '')}",
                f"Install what reads it: pip install '{hint}'" if hint else "Check the beginning of the address.",
            ) from None

    def fetch(self, path: str, target: Path, most: int) -> None:
        """As :meth:`Store.fetch`."""
        # Joined as text: as a path, https:// would lose a slash.
        where = f"{self._root.rstrip('/')}/{path}" if self._root else path
        with self._complaints(path), self._files.open(where, "rb") as stream:
            _append(stream, target, most, f"{path} from {self.origin}")

    @contextmanager
    def _complaints(self, path: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise FileNotFoundError(f"{self.origin} has no {path}") from None
        except (OSError, IntegrityError, UserError):
            raise
        except Exception as error:  # clients of clouds raise what they like
            said = scrubbed(f"{type(error).__name__}: {error}".splitlines()[0])
            raise EnvironmentFailure(
                f"cannot fetch {path} from {self.origin}: {said}", "Run it again to resume."
            ) from None


def store_of(text: str) -> Store:
    """The place a user means: ``owner/name[@revision]``, ``hf://datasets/...``, a directory, or an address."""
    if text.startswith("hf://"):
        text = text.removeprefix("hf://").removeprefix("datasets/")
    elif "://" in text:
        if text.partition("://")[0].lower() in _WEB:
            return WebStore(text)
        if "::" in text.partition("://")[0]:
            raise UserError("addresses within addresses (`::`) are not followed", "Give the address of the folder.")
        return FsspecStore(text)
    elif text and Path(text).is_dir():
        return LocalStore(Path(text))
    name, _, revision = text.partition("@")
    if _HUB.fullmatch(name):
        return HubStore(name, revision)
    raise UserError(
        f"{scrubbed(text)!r:.200} is neither a directory, nor owner/name[@version], nor an address such as s3://...",
        "Check the path, or the name of the data set.",
    )


def _append(stream: Any, target: Path, most: int, what: str) -> None:
    """Copy what ``target`` does not have yet; one that is too long already is no beginning."""
    have = target.stat().st_size if target.exists() else 0
    if have > most:
        target.unlink()
        have = 0
    stream.seek(have)
    receive(stream, target, most, what)
