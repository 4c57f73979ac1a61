"""An artifact: one stage's finished, immutable output, described by the manifest that is written last."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from m4corpus.errors import IntegrityError
from m4corpus.ledger import Counts
from m4corpus.storage.atomic import json_bytes, write_json
from m4corpus.storage.digests import digest_of, file_digest
from m4corpus.storage.parts import PartInfo

#: Raised when the manifest's fields change meaning; readers refuse versions they do not know.
FORMAT = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Completion:
    """What one task left behind: its files, its ledger part and its counts. Written after the files themselves."""

    parts: list[PartInfo] = field(default_factory=list)
    ledger: list[PartInfo] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    info: dict[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Store the record atomically: its presence means the task is complete."""
        write_json(
            path,
            {
                "parts": [p.as_dict() for p in self.parts],
                "ledger": [p.as_dict() for p in self.ledger],
                "counts": self.counts.as_dict(),
                "info": self.info,
            },
        )

    @classmethod
    def read(cls, path: Path) -> Completion:
        """Inverse of :meth:`write`."""
        data = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            [PartInfo(**p) for p in data["parts"]],
            [PartInfo(**p) for p in data["ledger"]],
            Counts.from_dict(data["counts"]),
            data["info"],
        )


@dataclass(frozen=True)
class Identity:
    """Everything an artifact's content may depend on; its digest is the artifact's fingerprint."""

    stage: str
    version: int
    config: dict[str, Any]
    inputs: dict[str, str]
    resources: dict[str, str]

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the canonical JSON of all fields."""
        return digest_of(
            {
                "stage": self.stage,
                "version": self.version,
                "config": self.config,
                "inputs": self.inputs,
                "resources": self.resources,
            }
        )

    @property
    def directory_name(self) -> str:
        """``<stage>-<first 12 hex digits of the fingerprint>``."""
        return f"{self.stage}-{self.fingerprint[:12]}"


@dataclass(frozen=True)
class Artifact:
    """A complete artifact on disk. ``manifest`` is its parsed, checked ``manifest.json``."""

    directory: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, directory: Path) -> Artifact:
        """Load an artifact; raises :class:`IntegrityError` when its manifest is missing, altered or unknown."""
        try:
            return cls(directory, read_sealed(directory / MANIFEST))
        except FileNotFoundError:
            raise IntegrityError(f"{directory} is not a complete artifact: it has no {MANIFEST}") from None

    @staticmethod
    def exists(directory: Path) -> bool:
        """Whether a finished artifact is at ``directory``."""
        return (directory / MANIFEST).is_file()

    @classmethod
    def seal(
        cls, directory: Path, identity: Identity, completions: Iterable[Completion], info: dict[str, Any]
    ) -> Artifact:
        """Write the manifest over finished tasks, in rank order; from then on the artifact is immutable."""
        done = list(completions)
        parts = [part for c in done for part in c.parts]
        body = {
            "format": FORMAT,
            "stage": identity.stage,
            "version": identity.version,
            "fingerprint": identity.fingerprint,
            "config": identity.config,
            "inputs": identity.inputs,
            "resources": identity.resources,
            "parts": [p.as_dict() for p in parts],
            "ledger": [p.as_dict() for c in done for p in c.ledger],
            "counts": Counts.total(c.counts for c in done).as_dict(),
            "logical": digest_of([[p.path, p.logical] for p in parts]),
            "info": info,
        }
        write_json(directory / MANIFEST, sealed(body))
        return cls.open(directory)

    @property
    def stage(self) -> str:
        """Name of the stage that made it."""
        return str(self.manifest["stage"])

    @property
    def logical(self) -> str:
        """Logical digest of all its rows (hex)."""
        return str(self.manifest["logical"])

    @property
    def counts(self) -> Counts:
        """Totals of its ledger."""
        return Counts.from_dict(self.manifest["counts"])

    @property
    def info(self) -> dict[str, Any]:
        """What the stage itself recorded (the encoder's identity, the index's kind...)."""
        return dict(self.manifest["info"])

    def parts(self) -> list[PartInfo]:
        """Its files of rows, in order."""
        return [PartInfo(**p) for p in self.manifest["parts"]]

    def ledger(self) -> list[PartInfo]:
        """Its ledger files, in order."""
        return [PartInfo(**p) for p in self.manifest["ledger"]]

    def problems(self) -> Iterator[str]:
        """Every file whose size or bytes differ from the manifest, one sentence each; nothing when all is well."""
        for part in [*self.parts(), *self.ledger()]:
            path = self.directory / part.path
            if not path.is_file():
                yield f"{path}: missing"
            elif path.stat().st_size != part.size:
                yield f"{path}: {path.stat().st_size} bytes, the manifest says {part.size}"
            elif file_digest(path) != part.sha256:
                yield f"{path}: content differs from its recorded SHA-256"
        if not self.counts.adds_up():
            yield f"{self.directory / MANIFEST}: the ledger does not add up"


def sealed(body: dict[str, Any]) -> dict[str, Any]:
    """``body`` with a ``digest`` over all of it, so that an edited manifest is found out."""
    return {**body, "digest": digest_of(body)}


def read_sealed(path: Path) -> dict[str, Any]:
    """Load a manifest; raises :class:`IntegrityError` unless it is of a known format and carries its own digest."""
    content = path.read_bytes()
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(manifest, dict):
        raise IntegrityError(f"{path} was altered: it holds no manifest")
    if isinstance(manifest.get("format"), int) and manifest["format"] > FORMAT:
        # Before the digest, which a newer format may compute otherwise.
        raise IntegrityError(
            f"{path} has format {manifest['format']}, which a newer m4corpus wrote; this one reads format {FORMAT}",
            "Upgrade m4corpus (pip install --upgrade m4corpus), or ask for the version made with this one.",
        )
    body = {key: value for key, value in manifest.items() if key != "digest"}
    if manifest.get("digest") != digest_of(body) or content != json_bytes(manifest):
        raise IntegrityError(f"{path} was altered: its content does not match its own digest")
    if manifest.get("format") != FORMAT:
        raise IntegrityError(
            f"{path} has format {manifest.get('format')!r}, this m4corpus reads {FORMAT}",
            "Run the recipe again: it writes the manifest anew.",
        )
    return manifest
