"""Send a release to the Hub: data in several commits, then the manifest and the card in one, then a tag.

Until the last commit nothing of the new version is visible: names of files hold the digest of their content, so no
file of an older version is replaced, and neither the card nor the manifest speak of the new ones. An interrupted
upload is taken up where it was: what the branch has is not sent again, nor what is in the Hub's storage already.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from m4corpus.errors import EnvironmentFailure, IntegrityError, UserError
from m4corpus.release.hub import Conflict, Repository, digests, speaking
from m4corpus.release.layout import ATTRIBUTION, CARD, RELEASE, Release, is_release_path
from m4corpus.storage.atomic import write_json

#: Most files and bytes of one commit.
FILES, BYTES = 100, 4_000_000_000
#: Times the repository is looked at again because somebody else committed.
CONFLICTS = 10

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Change:
    """What a publication adds (path and bytes), leaves as it is, and removes."""

    added: list[tuple[str, int]]
    same: int
    removed: list[str]

    @property
    def bytes(self) -> int:
        """Bytes of what is added."""
        return sum(size for _, size in self.added)


@dataclass(frozen=True)
class Published:
    """What was done: the commit that holds the release, and what changed by it."""

    commit: str
    change: Change


def repository_name(text: str) -> str:
    """``owner/name`` as it was given; raises :class:`UserError` for anything else."""
    if not _REPOSITORY.fullmatch(text) or "--" in text or ".." in text:
        raise UserError(f"{text!r:.200} is no repository", "Write owner/name, as in m4corpus/worldcuisines.")
    return text


def dry_run(root: Path, release: Release, repository: str) -> Change:
    """What would change, against what was published from here last; nothing is sent or asked."""
    try:
        known: dict[str, str] = json.loads(_record(root, repository).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    paths = {file.path: file.sha256 for file in release.files}
    sizes = {file.path: file.size for file in release.files}
    added = [(path, sizes[path]) for path, sha256 in paths.items() if known.get(path) != sha256]
    added += [(name, (root / name).stat().st_size) for name in (RELEASE, CARD)]
    return Change(added, len(paths) + 2 - len(added), sorted(known.keys() - paths.keys()))


def publish(
    root: Path,
    release: Release,
    repository: str,
    *,
    private: bool = False,
    branch: str = "main",
    replace: bool = False,
    report: Report = lambda what, done, total: None,
) -> Published:
    """Publish the release built in ``root`` as the data set ``repository`` (``owner/name``).

    ``replace`` lets the tag of the version move when the version was published before with another card or manifest.

    Raises:
        UserError: the Hub refuses, or the version is there already and says something else.
        EnvironmentFailure: the Hub cannot be reached; what was sent stays sent.
        IntegrityError: a file is not as it was built.
    """
    with speaking(f"publish to {repository}"):
        hub = Repository(repository, branch)
        hub.create(private)
        _refuse_other(hub, root, release, replace)
        for _ in range(CONFLICTS):
            try:
                done = _send(hub, root, release, report)
                break
            except Conflict:
                report("somebody else committed; looking again", 0, 0)
        else:
            raise EnvironmentFailure(
                f"{repository} is committed to again and again by somebody else", "Run the same command again later."
            )
        hub.tag(release.version, done.commit, replace=replace)
    write_json(_record(root, repository), {file.path: file.sha256 for file in release.files})
    return done


def _refuse_other(hub: Repository, root: Path, release: Release, replace: bool) -> None:
    """Raise when the version's tag is at another manifest."""
    tagged = hub.head(release.version)
    if tagged is None or replace:
        return
    there = hub.files(tagged, recursive=False).get(RELEASE)
    if there not in digests(root / RELEASE):
        raise UserError(
            f"{hub.name}@{release.version} is published already, with another manifest",
            "The same version was published with other options (ids only, an evaluation, another m4corpus). Pass "
            "--replace to put this one in its place.",
        )


def _send(hub: Repository, root: Path, release: Release, report: Report) -> Published:
    """One attempt on top of the branch as it is now."""
    head = hub.head()
    if head is None:
        raise UserError(f"{hub.name} has no branch {hub.branch}")
    there = hub.files(head)
    changed = [name for name in (ATTRIBUTION, CARD, RELEASE) if there.get(name) not in digests(root / name)]
    wanted = {file.path for file in release.files}
    gone = sorted(path for path in there if is_release_path(path) and path not in wanted)
    data = [file for file in release.files if file.path != ATTRIBUTION]
    missing = []
    for file in data:
        if there.get(file.path) != file.sha256:
            own = digests(root / file.path)
            if own[0] != file.sha256:
                raise IntegrityError(f"{root / file.path} is not as it was built", "Delete it and publish again.")
            if there.get(file.path) not in own:
                missing.append((file.path, file.size))
    total, done = sum(size for _, size in missing), 0
    for number, batch in enumerate(_batches(missing), 1):
        files = [(path, root / path) for path, _ in batch]
        head = hub.commit(files, [], head, f"Add data of {release.name}@{release.version} ({number})")
        done += sum(size for _, size in batch)
        report("upload", done, total)
    if changed or gone:
        last = [(name, root / name) for name in changed]
        head = hub.commit(last, gone, head, f"Publish {release.name}@{release.version}")
    added = [*missing, *((name, (root / name).stat().st_size) for name in changed)]
    return Published(head, Change(added, len(wanted) + 2 - len(added), gone))


def _batches(files: list[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    batch: list[tuple[str, int]] = []
    size = 0
    for path, bytes_ in files:
        if batch and (len(batch) >= FILES or size + bytes_ > BYTES):
            yield batch
            batch, size = [], 0
        batch.append((path, bytes_))
        size += bytes_
    if batch:
        yield batch


def _record(root: Path, repository: str) -> Path:
    """Where it is written down what was last published to a repository."""
    return root.parent / f"published-{repository.replace('/', '--')}.json"
