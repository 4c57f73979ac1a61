"""Open a snapshot and search it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.errors import IntegrityError, UserError
from m4corpus.identify.labels import language_code
from m4corpus.storage.artifact import Artifact, read_sealed

if TYPE_CHECKING:
    from m4corpus.embed.encoder import Encoder
    from m4corpus.index.shards import Hit, ShardedIndex

_VERSION = re.compile(r"[0-9a-f]{12}")
#: Where snapshots are looked for when a bare name is given.
WORKDIR = Path("work")


@dataclass(frozen=True)
class Snapshot:
    """An opened snapshot. The index and the encoder are loaded at the first search, not before."""

    directory: Path
    manifest: dict[str, Any]
    trust_remote_code: bool = False

    @property
    def name(self) -> str:
        """``name@version``."""
        return f"{self.manifest['name']}@{self.manifest['version']}"

    def artifact(self, stage: str) -> Artifact:
        """The artifact pinned for ``stage``; raises :class:`IntegrityError` when it is not the one that was pinned."""
        pin = self.manifest["artifacts"][stage]
        directory = (self.directory / pin["path"]).resolve()
        if not directory.is_relative_to(self.directory.resolve().parents[2]):
            raise IntegrityError(f"{self.name} names an artifact outside its work directory: {pin['path']}")
        artifact = Artifact.open(directory)
        if artifact.manifest["digest"] != pin["digest"]:
            raise IntegrityError(
                f"{artifact.directory} is not the artifact {self.name} was made of",
                "Rebuild the snapshot by running its recipe.",
            )
        return artifact

    @cached_property
    def index(self) -> ShardedIndex:
        """Every shard, opened and checked against its record."""
        from m4corpus.index.shards import ShardedIndex

        return ShardedIndex.open(self.artifact("index").directory)

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder the vectors came from; raises :class:`IntegrityError` when the one installed now differs."""
        from m4corpus.embed.encoder import load
        from m4corpus.embed.stage import encoder_config

        recorded = self.manifest["encoder"]
        encoder = load(encoder_config(recorded, self.trust_remote_code))
        if encoder.identity() != recorded["identity"]:
            raise IntegrityError(
                f"the encoder installed now is not the one {self.name} was built with",
                "Install the recorded version (see 'encoder' in the snapshot's manifest), or rebuild the snapshot.",
            )
        return encoder

    def search(self, query: str, k: int = 10, languages: Iterable[str] | None = None) -> list[Hit]:
        """The ``k`` best chunks for ``query``, best first; fewer when the corpus is smaller."""
        return self.search_many([query], k, languages)[0]

    def search_many(
        self, queries: Sequence[str], k: int = 10, languages: Iterable[str] | None = None
    ) -> list[list[Hit]]:
        """The ``k`` best chunks for each query. ``languages`` (by any code or name) restricts the answers."""
        if isinstance(languages, str):
            languages = [languages]
        if not all(query.strip() for query in queries):
            raise UserError("a query is empty", "Write what to search for.")
        if k < 1:
            raise UserError(f"k must be at least 1, not {k}")
        wanted = None if languages is None else {language_code(name) for name in languages}
        return self.index.search(self.encoder.encode_queries(list(queries)), k, wanted)


def open_snapshot(where: str | Path, workdir: Path = WORKDIR, trust_remote_code: bool = False) -> Snapshot:
    """Open a snapshot by directory, or by ``name`` or ``name@version`` within ``workdir``.

    ``trust_remote_code`` lets Python code that came with the encoder's model run when a query is encoded; a manifest
    alone never does.
    """
    directory = locate(where, workdir)
    return Snapshot(directory, read_sealed(directory / "manifest.json"))


def locate(where: str | Path, workdir: Path) -> Path:
    """The directory of a snapshot named by path, ``name`` (its latest version) or ``name@version``."""
    name, _, version = str(where).partition("@")
    home = workdir / "snapshots" / name
    for candidate in (Path(where), home / version if version else home):
        newest = _newest(candidate)
        if (newest / "manifest.json").is_file():
            return newest
        if newest != candidate:
            raise IntegrityError(
                f"{candidate / 'latest'} names version {newest.name}, whose manifest is missing",
                "Run the recipe again, or name another version: NAME@VERSION.",
            )
    known = sorted(p.parent.name for p in (workdir / "snapshots").glob("*/latest"))
    raise UserError(
        f"no snapshot {where} (looked for a directory, and under {workdir / 'snapshots'})",
        f"Known there: {', '.join(known)}." if known else "Build one with: m4corpus run RECIPE",
    )


def _newest(home: Path) -> Path:
    """The newest version of a snapshot's home; any other directory as it is."""
    latest = home / "latest"
    if not latest.is_file():
        return home
    version = latest.read_text(encoding="ascii", errors="replace").strip()
    if not _VERSION.fullmatch(version):
        raise IntegrityError(f"{latest} does not hold a version", "Run the recipe again: it writes the file anew.")
    return home / version
