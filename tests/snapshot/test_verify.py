"""Every kind of damage to every kind of file of a snapshot is found, and the file is named."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from m4corpus.errors import IntegrityError
from m4corpus.snapshot import open_snapshot, verify
from m4corpus.snapshot.create import version_of
from m4corpus.storage.artifact import sealed
from m4corpus.storage.atomic import write_bytes, write_json
from m4corpus.storage.digests import digest_of, file_digest
from m4corpus.storage.parts import PartWriter, read_batches

#: One file of each kind, as a glob below the work directory.
KINDS = [
    *(f"tiny/{stage}-*/part-*.parquet" for stage in ("read", "clean", "identify", "filter", "dedup", "chunk", "embed")),
    *(f"tiny/{stage}-*/ledger/part-*.parquet" for stage in ("read", "filter", "chunk", "embed", "index")),
    *(f"tiny/{stage}-*/manifest.json" for stage in ("read", "dedup", "embed", "index")),
    *(f"tiny/index-*/shard-*/{name}" for name in ("index.faiss", "rows.parquet", "shard.json")),
    "snapshots/tiny/*/manifest.json",
    "snapshots/tiny/latest",
    "snapshots/tiny/tags/v1",
]


def problems(workdir: Path, *, quick: bool = False) -> list[str]:
    """What is wrong, as the command finds it: opening comes first."""
    try:
        return list(verify(open_snapshot("tiny", workdir), quick=quick))
    except IntegrityError as error:
        return [error.message]


def replace(path: Path, content: bytes) -> None:
    """Write a file of our own: that of the copy may be a link to the original."""
    path.unlink()
    path.write_bytes(content)


def flip(path: Path) -> None:
    content, pick = bytearray(path.read_bytes()), random.Random(str(path.name))
    content[pick.randrange(len(content))] ^= 1 << pick.randrange(8)
    replace(path, bytes(content))


def truncate(path: Path) -> None:
    content = path.read_bytes()
    replace(path, content[: len(content) // 2])


@pytest.fixture
def work(small: Any, tmp_path: Path) -> Path:
    copy = small.clone(tmp_path / "copy")
    version = (copy.workdir / "snapshots/tiny/latest").read_text()
    write_bytes(copy.workdir / "snapshots/tiny/tags/v1", version.encode())
    return Path(copy.workdir)


def test_a_sound_snapshot_has_no_problems(work: Path) -> None:
    assert problems(work) == []
    assert problems(work, quick=True) == []


@pytest.mark.parametrize("damage", [flip, truncate, Path.unlink], ids=["flipped bit", "truncated", "deleted"])
@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_found_and_named(work: Path, kind: str, damage: Callable[[Path], None]) -> None:
    victim = sorted(work.glob(kind))[-1]
    if victim.name in ("latest", "v1") and damage == Path.unlink:
        pytest.skip("without a pointer the name is unknown, and without a tag there is none")
    damage(victim)
    found = problems(work) if victim.name != "manifest.json" or "snapshots" not in str(victim) else opened(work)
    assert any(str(victim) in problem or str(victim.parent) in problem for problem in found), found


def opened(work: Path) -> list[str]:
    """The manifest of the snapshot itself: damaged it is refused, deleted its pointer is told."""
    try:
        open_snapshot("tiny", work)
    except IntegrityError as error:
        version = (work / "snapshots/tiny/latest").read_text()
        return [error.message.replace("latest names version", f"{version}/manifest.json is missing:")]
    return []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.endswith((".parquet", ".faiss"))])
def test_quick_finds_a_truncated_file(work: Path, kind: str) -> None:
    victim = sorted(work.glob(kind))[0]
    truncate(victim)
    assert any(str(victim) in problem for problem in problems(work, quick=True))


@pytest.mark.parametrize("names", [("index.faiss",), ("rows.parquet",), ("index.faiss", "rows.parquet", "shard.json")])
def test_swapped_shards_are_found(work: Path, tmp_path: Path, names: tuple[str, ...]) -> None:
    shards = sorted(work.glob("tiny/index-*/shard-*"))
    one, two = shards[0], shards[1]
    for name in names:
        shutil.move(one / name, tmp_path / name)
        shutil.move(two / name, one / name)
        shutil.move(tmp_path / name, two / name)
    found = problems(work)
    assert any(str(one / names[0]) in problem for problem in found)
    assert any(str(two / names[0]) in problem for problem in found)


def reseal(path: Path, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Edit a manifest as somebody who knows how: with a digest that fits."""
    body = json.loads(path.read_text())
    del body["digest"]
    change(body)
    write_json(path, sealed(body))
    return sealed(body)


def without_last_row(work: Path, kind: str) -> tuple[Path, dict[str, Any]]:
    """A part with a row less, as its manifest describes it from now on."""
    part = next(p for p in sorted(work.glob(kind)) if sum(len(b) for b in read_batches(p)) > 1)
    root = part.parent if part.parent.name != "ledger" and "shard" not in part.parent.name else part.parent.parent
    batches = list(read_batches(part))
    part.unlink()
    with PartWriter(part, batches[0].schema, root) as writer:
        for batch in batches[:-1]:
            writer.write(batch)
        if len(batches[-1]) > 1:
            writer.write(batches[-1].slice(0, len(batches[-1]) - 1))

    def described(body: dict[str, Any]) -> None:
        for key in ("parts", "ledger"):
            for entry in body[key]:
                if entry["path"] == writer.info.path:
                    entry.update(writer.info.as_dict())
        body["logical"] = digest_of([[p["path"], p["logical"]] for p in body["parts"]])

    return part, reseal(root / "manifest.json", described)


def named(part: Path, found: list[str]) -> bool:
    """Of what the ledger of the first stage lost nobody knows in which part: it has no stage before it."""
    place = part.parent if part.parent.name == "ledger" else part
    return any(problem.startswith(f"{place}") for problem in found)


ROWS = [kind for kind in KINDS if kind.endswith(".parquet")]


@pytest.mark.parametrize("kind", ROWS)
def test_a_deleted_row_is_found_though_the_artifact_says_nothing_of_it(work: Path, kind: str) -> None:
    part, _ = without_last_row(work, kind)
    assert named(part, problems(work)), kind


@pytest.mark.parametrize("kind", ROWS)
def test_a_deleted_row_is_found_though_the_snapshot_was_made_to_agree(work: Path, kind: str) -> None:
    part, manifest = without_last_row(work, kind)

    def pin(body: dict[str, Any]) -> None:
        body["artifacts"][manifest["stage"]] |= {"digest": manifest["digest"], "logical": manifest["logical"]}
        pins = {s: {k: p[k] for k in ("fingerprint", "logical")} for s, p in body["artifacts"].items()}
        body["version"] = version_of(pins)

    (path,) = work.glob("snapshots/tiny/*/manifest.json")
    version = reseal(path, pin)["version"]
    path.parent.rename(path.parent.with_name(version))
    for pointer in ("latest", "tags/v1"):
        write_bytes(work / "snapshots/tiny" / pointer, version.encode())
    assert named(part, problems(work)), kind


EDITS = {
    "documents": lambda body: body["documents"].update(eng_Latn=999),
    "sources": lambda body: body["sources"]["pages"].update(pages=1),
    "drops": lambda body: body["drops"].clear(),
    "encoder": lambda body: body["encoder"].update(fingerprint="0" * 64),
    "resources": lambda body: body["resources"]["clean"].update(ftfy="9.9"),
    "artifacts": lambda body: body["artifacts"]["dedup"]["counts"].update(inputs=9),
    "version": lambda body: body.update(version="0" * 12),
}


@pytest.mark.parametrize("key", EDITS)
def test_an_edited_manifest_is_found_though_its_digest_fits(work: Path, key: str) -> None:
    (path,) = work.glob("snapshots/tiny/*/manifest.json")
    reseal(path, EDITS[key])
    found = problems(work)
    assert any(str(path) in problem for problem in found), found


def test_an_edited_option_of_a_stage_is_found(work: Path) -> None:
    (path,) = work.glob("tiny/chunk-*/manifest.json")
    manifest = reseal(path, lambda body: body["config"].update(size=97))
    (snapshot,) = work.glob("snapshots/tiny/*/manifest.json")
    reseal(snapshot, lambda body: body["artifacts"]["chunk"].update(digest=manifest["digest"]))
    assert any(str(path) in problem and "fingerprint" in problem for problem in problems(work))


def test_foreign_vectors_are_found_though_all_digests_fit(work: Path) -> None:
    """Vectors of another encoder under the right digests: only the embed stage tells."""
    import faiss

    shard = sorted(work.glob("tiny/index-*/shard-*"))[0]
    index = faiss.read_index(str(shard / "index.faiss"))
    vectors = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d).reshape(index.ntotal, index.d)
    vectors[0] = -vectors[0]
    (shard / "index.faiss").unlink()
    faiss.write_index(index, str(shard / "index.faiss"))
    digest = file_digest(shard / "index.faiss")
    record = json.loads((shard / "shard.json").read_text())
    record["sha256"]["index.faiss"] = digest
    write_json(shard / "shard.json", record)
    sizes = {name: ((shard / name).stat().st_size, file_digest(shard / name)) for name in ("index.faiss", "shard.json")}

    def describe(body: dict[str, Any]) -> None:
        for entry in body["parts"]:
            folder, _, name = entry["path"].rpartition("/")
            if folder == shard.name and name in sizes:
                entry["size"], entry["sha256"] = sizes[name]

    manifest = reseal(shard.parent / "manifest.json", describe)
    (snapshot,) = work.glob("snapshots/tiny/*/manifest.json")
    reseal(snapshot, lambda body: body["artifacts"]["index"].update(digest=manifest["digest"]))
    assert any(str(shard / "index.faiss") in problem for problem in problems(work))
