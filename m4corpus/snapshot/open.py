"""Open a snapshot and search it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.errors import IntegrityError, UserError
from m4corpus.identify.labels import language_code
from m4corpus.snapshot.carried import learnt_file
from m4corpus.snapshot.layout import LATEST, SNAPSHOTS, TAGS, Home, homes, is_version
from m4corpus.snapshot.manifest import RELEASE, read_manifest
from m4corpus.storage.artifact import MANIFEST, Artifact

if TYPE_CHECKING:
    from m4corpus.embed.config import EncoderConfig
    from m4corpus.embed.encoder import Encoder
    from m4corpus.index.shards import Hit, ShardedIndex

#: Where snapshots are looked for when a bare name is given.
WORKDIR = Path("work")


@dataclass(frozen=True)
class Snapshot:
    """An opened snapshot. The index and the encoder are loaded at the first search, not before.

    ``encoder_path`` is where the model directory lies that its encoder was, if not where it lay then.
    """

    directory: Path
    manifest: dict[str, Any]
    trust_remote_code: bool = False
    encoder_path: Path | None = None

    @property
    def name(self) -> str:
        """``name@version``."""
        return f"{self.manifest['name']}@{self.manifest['version']}"

    def artifact(self, stage: str) -> Artifact:
        """The artifact pinned for ``stage``; raises :class:`IntegrityError` when it is not the one that was pinned."""
        artifact = Artifact.open(self.place(stage))
        if artifact.manifest["digest"] != self.manifest["artifacts"][stage]["digest"]:
            raise IntegrityError(
                f"{artifact.directory / MANIFEST}: not the artifact {self.name} was made of",
                "Rebuild the snapshot by running its recipe.",
            )
        return artifact

    def place(self, stage: str) -> Path:
        """Where the artifact pinned for ``stage`` lies; raises :class:`IntegrityError` for a place elsewhere
        and :class:`UserError` for a stage it has not."""
        if stage not in self.manifest["artifacts"]:
            was = " (it was pulled)" if self.manifest.get("kind") == RELEASE else ""
            raise UserError(f"{self.name} has no artifact of stage '{stage}'{was}", "Use one that was built here.")
        path = self.manifest["artifacts"][stage]["path"]
        directory: Path = (self.directory / path).resolve()
        if not directory.is_relative_to(self.directory.resolve().parents[2]):
            raise IntegrityError(f"{self.name} names an artifact outside its work directory: {path}")
        return directory

    @cached_property
    def index(self) -> ShardedIndex:
        """Every shard, opened and checked against its record.

        Raises :class:`IntegrityError` also when its vectors come from another encoder than the one recorded here.
        """
        from m4corpus.index.shards import ShardedIndex

        if self.manifest.get("kind") == RELEASE:
            from m4corpus.release.index import ReleaseIndex

            index: ShardedIndex = ReleaseIndex.of(self.directory, self.manifest)
        else:
            index = ShardedIndex.open(self.artifact("index").directory)
        if index.encoder != self.manifest["encoder"]["fingerprint"]:
            index.close()
            raise IntegrityError(
                f"the index of {self.name} holds vectors of another encoder than the one it records",
                "Rebuild the snapshot by running its recipe.",
            )
        return index

    def encoder_config(self) -> EncoderConfig:
        """The encoder the vectors came from, as it can be loaded here; raises :class:`UserError` saying what lacks."""
        from m4corpus.embed.stage import encoder_config

        learnt = learnt_file(self.directory, self.manifest)
        return encoder_config(
            self.manifest["encoder"], self.trust_remote_code, directory=self.encoder_path, learnt=learnt
        )

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder the vectors came from; raises :class:`IntegrityError` when the one installed now differs."""
        from m4corpus.embed.encoder import load

        encoder = load(self.encoder_config())
        recorded, now = self.manifest["encoder"]["identity"], encoder.identity()
        if "code_revision" not in recorded:
            # It is older than that option, and nobody knows the commit: what is asked for now has to do.
            now.pop("code_revision", None)
        if now != recorded:
            raise IntegrityError(
                f"the encoder installed now is not the one {self.name} was built with",
                "Install the recorded version (see 'encoder' in the snapshot's manifest), or rebuild the snapshot.",
            )
        return encoder

    def search(
        self,
        query: str,
        k: int = 10,
        languages: Iterable[str] | None = None,
        query_language: str = "",
        image: bytes | None = None,
    ) -> list[Hit]:
        """The ``k`` best chunks for ``query`` and ``image``, best first; fewer when the corpus is smaller."""
        return self.search_many([query], k, languages, [query_language], [image])[0]

    def search_many(
        self,
        queries: Sequence[str],
        k: int = 10,
        languages: Iterable[str] | None = None,
        query_languages: Sequence[str] | None = None,
        images: Sequence[bytes | None] | None = None,
    ) -> list[list[Hit]]:
        """The ``k`` best chunks for each query. ``languages`` (by any code or name) restricts the answers.

        ``query_languages`` are those the queries are in, empty where unknown, for encoders told what to do in them;
        ``images`` are files to ask with, beside a text or instead of it, for encoders that take them.
        """
        if isinstance(languages, str):
            languages = [languages]
        shown = images or [None] * len(queries)
        if not all(query.strip() or image for query, image in zip(queries, shown, strict=True)):
            raise UserError("a query is empty", "Write what to search for.")
        if k < 1:
            raise UserError(f"k must be at least 1, not {k}")
        wanted = None if languages is None else {language_code(name) for name in languages}
        if any(shown):
            from m4corpus.embed.transformers.multimodal import encode_image_queries

            vectors = encode_image_queries(self.encoder, list(queries), shown, query_languages)
        else:
            vectors = self.encoder.encode_queries(list(queries), query_languages)
        return self.index.search(vectors, k, wanted)


def open_snapshot(
    where: str | Path, workdir: Path = WORKDIR, trust_remote_code: bool = False, encoder_path: Path | None = None
) -> Snapshot:
    """Open a snapshot by directory, or by ``name``, ``name@version`` or ``name@tag`` within ``workdir``.

    ``trust_remote_code`` lets Python code that came with the encoder's model run when a query is encoded; a manifest
    alone never does. ``encoder_path`` is where the model lies, for an encoder that is a directory; its files are
    compared with the digest that is recorded.
    """
    directory = locate(where, workdir)
    return Snapshot(directory, read_manifest(directory), trust_remote_code, encoder_path)


def locate(where: str | Path, workdir: Path) -> Path:
    """The directory of a snapshot named by path, ``name`` (its newest version), ``name@version`` or ``name@tag``."""
    name, _, wanted = str(where).partition("@")
    home = Home(workdir / SNAPSHOTS / name)
    if (Path(where) / MANIFEST).is_file():
        return Path(where)
    for candidate, pointer, version in _candidates(Path(where), home, wanted):
        if version is None:
            continue
        if (candidate.path / version / MANIFEST).is_file():
            return candidate.path / version
        if pointer:
            raise IntegrityError(
                f"{candidate.path / pointer} names version {version}, whose manifest is missing",
                "Run the recipe again, or name another version: NAME@VERSION.",
            )
    raise UserError(
        f"no snapshot {where} (looked for a directory, and under {workdir / SNAPSHOTS})", _known(home, workdir)
    )


def _candidates(where: Path, home: Home, wanted: str) -> Iterator[tuple[Home, str, str | None]]:
    """Homes that may be meant, the file that names the version (empty when it was given), and the version."""
    yield Home(where), LATEST, Home(where).latest()
    if not wanted:
        yield home, LATEST, home.latest()
    elif is_version(wanted):
        yield home, "", wanted
    else:
        yield home, f"{TAGS}/{wanted}", home.tagged(wanted)


def _known(home: Home, workdir: Path) -> str:
    """What could have been meant."""
    if home.name and (versions := home.versions()):
        return f"{home.name} has: {', '.join([*home.tags(), *reversed(versions)])}."
    known = [found.name for found in homes(workdir)]
    return f"Known there: {', '.join(known)}." if known else "Build one with: m4corpus run RECIPE"
