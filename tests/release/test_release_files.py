"""A snapshot as files: by language, the same bytes every time, and cut so that an edit stays where it is."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from release_work import REPOSITORY, build, changed, documents, tree

from m4corpus.errors import IntegrityError, UserError
from m4corpus.records import Chunk, from_batches, schema, to_batch
from m4corpus.release.layout import Release, ReleaseFile, checked, read_release, safe
from m4corpus.release.make import Options, make, placeless
from m4corpus.release.rows import conform
from m4corpus.release.secrets import found_in, found_in_rows
from m4corpus.release.split import Cutter, Split
from m4corpus.snapshot import Snapshot
from m4corpus.storage.digests import text_digest


def made(snapshot: Snapshot, workdir: Path, **options: Any) -> tuple[Path, Release]:
    return make(snapshot, workdir, Options(REPOSITORY, **options), None, lambda what, done, total: None)


def test_every_row_is_there_once_by_language(snapshot: Snapshot, release: tuple[Path, Release]) -> None:
    root, found = release
    chunks = {}
    for kind, stage, key in (("documents", "dedup", "id"), ("chunks", "chunk", "id"), ("vectors", "embed", "chunk_id")):
        artifact = snapshot.artifact(stage)
        wanted = sorted(
            id for p in artifact.parts() for id in pq.read_table(artifact.directory / p.path)[key].to_pylist()
        )
        tables = {file: pq.read_table(root / file.path) for file in found.of(kind)}
        assert sorted(id for table in tables.values() for id in table[key].to_pylist()) == wanted
        assert all(table.num_rows == file.rows for file, table in tables.items())
        if kind != "vectors":
            for file, table in tables.items():
                assert set(table["language"].to_pylist()) == {file.language.partition("_")[0]}
        if kind == "chunks":
            chunks = {file.path.split("/", 1)[1][:-17]: table["id"].to_pylist() for file, table in tables.items()}
        if kind == "vectors":
            # A file of vectors holds those of the file of chunks of the same language and number.
            assert {f.path.split("/", 1)[1][:-17]: t["chunk_id"].to_pylist() for f, t in tables.items()} == chunks
    assert {file.language for file in found.of("documents")} == {"arb_Arab", "eng_Latn", "jpn_Jpan", "swh_Latn", "und"}


def test_the_same_snapshot_gives_the_same_bytes(
    snapshot: Snapshot, release: tuple[Path, Release], tmp_path: Path
) -> None:
    again, _ = made(snapshot, tmp_path)
    assert tree(again) == tree(release[0])


def test_an_interrupted_build_goes_on_and_ends_equal(
    snapshot: Snapshot, release: tuple[Path, Release], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from m4corpus.release import make as module

    def killed(*arguments: Any) -> Any:
        raise KeyboardInterrupt

    real = module.write_index
    monkeypatch.setattr(module, "write_index", killed)
    with pytest.raises(KeyboardInterrupt):
        made(snapshot, tmp_path)
    root = tmp_path / "releases" / "small" / release[1].version
    assert not (root / "release.json").exists()
    before = {path: path.stat().st_mtime_ns for path in root.glob("chunks/*/*")}
    monkeypatch.setattr(module, "write_index", real)
    again, _ = made(snapshot, tmp_path)
    assert tree(again) == tree(release[0])
    assert {path: path.stat().st_mtime_ns for path in root.glob("chunks/*/*")} == before


def test_a_folder_with_other_files_is_left_alone(snapshot: Snapshot, tmp_path: Path) -> None:
    (tmp_path / "home" / "documents").mkdir(parents=True)
    (tmp_path / "home" / "documents" / "letter.txt").write_text("Dear")
    with pytest.raises(UserError, match="not empty"):
        make(snapshot, tmp_path, Options(REPOSITORY), tmp_path / "home", lambda *_: None)
    assert (tmp_path / "home" / "documents" / "letter.txt").is_file()
    for _ in range(2):
        root, found = make(snapshot, tmp_path, Options(REPOSITORY), tmp_path / "new", lambda *_: None)
    assert tree(root).keys() == {file.path for file in found.files} | {"README.md", "release.json"}


def test_an_edit_changes_the_files_of_its_language_alone(release: tuple[Path, Release], tmp_path: Path) -> None:
    id = next(one.id for one in documents() if one.language == "swh")
    edited = changed(documents(), id, lambda one: replace(one, text=one.text + " Na zaidi."))
    _, found = made(build(tmp_path, edited), tmp_path)
    old, new = ({f.path: f.sha256 for f in one.files} for one in (release[1], found))
    assert {path.split("/")[1] for path in new.keys() - old.keys() if path.startswith(("documents", "index/s"))} == {
        "swh_Latn"
    }
    shared = old.keys() & new.keys()
    assert all(old[path] == new[path] for path in shared)
    assert len(shared) > 20


def test_rows_of_an_earlier_version() -> None:
    batch = to_batch([Chunk("c", "d", 0, 0, 1, 1, "x", image="i")])
    less = batch.select([name for name in batch.schema.names if name not in ("image", "flags", "tokens", "variety")])
    (whole,) = conform([less], schema(Chunk))
    assert list(from_batches(Chunk, [whole])) == [Chunk("c", "d", 0, 0, 1, 0, "x")]
    with pytest.raises(IntegrityError, match="newer"):
        list(conform([batch.append_column("new", batch.column("id"))], schema(Chunk)))


def test_files_end_where_the_content_says() -> None:
    ids = [f"d{n}" for n in range(3000)]

    def ends(documents: list[str], step: int) -> list[str]:
        cutter, found = Cutter(Split(50, 64, 400)), []
        for at in range(0, len(documents), step):
            some = documents[at : at + step]
            found += [some[start] for start, _, _, file in cutter.pieces(some, [1] * len(some)) if file]
        return found

    whole = ends(ids, 3000)
    assert whole == ends(ids, 7)
    assert len(whole) > 10
    # A document less: the cuts before it stay, and soon those after it are the same again.
    without = ends(ids[:1500] + ids[1501:], 256)
    assert [id for id in whole if int(id[1:]) < 1500] == [id for id in without if int(id[1:]) < 1500]
    assert without[-5:] == whole[-5:]
    places = [0, *(int(id[1:]) for id in whole), 3000]
    assert all(50 <= after - before <= 400 for before, after in pairwise(places[:-1]))


def test_ids_alone(snapshot: Snapshot, tmp_path: Path) -> None:
    root, found = made(snapshot, tmp_path, ids_only=True)
    assert found.ids_only
    assert not found.of("vectors", "index", "order")
    assert not list(root.rglob("*.faiss"))
    text = {one.id: one.text for one in documents()}
    for file in found.of("documents"):
        table = pq.read_table(root / file.path)
        assert {"id", "url", "revision", "text_digest"} <= set(table.column_names)
        assert not {"text", "title", "blocks", "metadata"} & set(table.column_names)
        for row in table.to_pylist():
            assert row["text_digest"] == text_digest(text[row["id"]]).hex()
            assert row["characters"] == len(text[row["id"]])
    for file in found.of("chunks"):
        names = set(pq.read_schema(root / file.path).names)
        assert {"start", "end", "document_id"} <= names
        assert not {"text", "title", "headings"} & names
    words = text["en-drum"].split("\n\n")[1].encode()
    assert not any(words in content for content in tree(root).values())


def test_what_may_not_be_passed_on_is_refused(tmp_path: Path) -> None:
    last = documents()[-1]
    lacks = {
        "bare": ("licence", ""),
        "undated": ("revision", ""),
        "placeless": ("url", ""),
        "odd": ("licence", "unknown"),
    }
    strays = [replace(last, id=f"x-{name}", source=name, **{field: ""}) for name, (field, _) in lacks.items()]
    strays[-1].licence = "unknown"
    snapshot = build(tmp_path, [*documents(1), *strays])
    with pytest.raises(UserError) as caught:
        made(snapshot, tmp_path)
    for name, (field, _) in lacks.items():
        assert f"source {name}: 1 of 1 documents have no {field} (such as x-{name})" in caught.value.message
    assert "source wiki" not in caught.value.message
    assert "--ids-only" in caught.value.hint
    assert made(snapshot, tmp_path, ids_only=True)[1].ids_only


SECRETS = (
    "aws_secret_access_key = 'abcdEFGH1234abcdEFGH1234abcdEFGH1234ab/+'",
    "ghp_" + "a1B" * 12,
    "hf_" + "x1Y" * 12,
    "AKIA" + "A1B2C3D4E5F6G7H8",
    "-----BEGIN RSA PRIVATE KEY-----",
    "https://me:pa55word@host.org/x",
)


def test_a_secret_is_refused(tmp_path: Path) -> None:
    last = documents()[-1]
    leaky = [replace(last, id=f"leaky-{n}", metadata={"note": f"see {s} there"}) for n, s in enumerate(SECRETS)]
    leaky.append(replace(last, id="leaky-6", text=f"{last.text}\n\n{SECRETS[2]}"))
    snapshot = build(tmp_path, [*documents(1), *leaky])
    with pytest.raises(UserError, match="--allow-secret") as caught:
        made(snapshot, tmp_path)
    assert not any(secret in str(caught.value) for secret in SECRETS)
    assert [f"document {one.id}: a" in str(caught.value) for one in leaky] == [True] * 7
    with pytest.raises(UserError, match="leaky-6"):
        made(snapshot, tmp_path, allowed=frozenset({f"leaky-{n}" for n in range(6)}))
    assert not list(tmp_path.rglob("release.json"))
    assert made(snapshot, tmp_path, allowed=frozenset(one.id for one in leaky))[1].files
    # What was let pass once is not let pass for ever.
    with pytest.raises(UserError, match="leaky-0"):
        made(snapshot, tmp_path)


def test_a_secret_in_the_recipe_is_refused(snapshot: Snapshot, tmp_path: Path) -> None:
    manifest = json.loads(json.dumps(snapshot.manifest))
    manifest["recipe"]["description"] = "from https://me:pa55word@host.org/x"
    with pytest.raises(UserError, match=r"release\.json"):
        made(replace(snapshot, manifest=manifest), tmp_path)
    assert not list(tmp_path.rglob("release.json"))


def file(**changes: Any) -> dict[str, Any]:
    good = {
        "path": "documents/swh_Latn/part-00000-01234567.parquet", "kind": "documents", "language": "swh_Latn",
        "rows": 1, "size": 9, "sha256": "0" * 64, "logical": "1" * 64,
    }  # fmt: skip
    return {**good, **changes}


BAD = [
    {"path": "/etc/passwd"},
    {"path": "../../x"},
    {"path": "documents/swh_Latn/../part-00000-01234567.parquet"},
    {"path": "documents/swh_Latn/part-00000-01234567.pkl"},
    {"path": "documents/swh_Latn/part-00000-01234567.parquet\n"},
    {"path": "documents/eng_Latn/part-00000-01234567.parquet"},
    {"path": "documents\\swh_Latn\\part-00000-01234567.parquet"},
    {"path": "index/swh_Latn/shard-00000-01234567/evil.py", "kind": "index"},
    {"path": "README.md", "kind": "notice", "language": ""},
    {"kind": "code"},
    {"size": -1},
    {"size": True},
    {"rows": "1"},
    {"sha256": "xyz"},
    {"language": 5},
    {"extra": 1},
]


@pytest.mark.parametrize("changes", BAD, ids=str)
def test_a_manifest_that_names_what_no_release_has_is_refused(release: tuple[Path, Release], changes: Any) -> None:
    body = {**release[1].manifest, "files": [file(**changes)]}
    with pytest.raises(IntegrityError):
        checked(body, "it")
    assert checked({**body, "files": [file()]}, "it").files
    with pytest.raises(IntegrityError, match="twice"):
        checked({**body, "files": [file(), file()]}, "it")


def test_names_of_releases_stay_in_their_folder(release: tuple[Path, Release]) -> None:
    for key, value in (
        ("index", {"dimension": "x"}),
        ("index", []),
        ("snapshot", {}),
        ("name", "../x"),
        ("name", ""),
        ("version", "latest"),
        ("version", ".."),
        ("kind", "snapshot"),
    ):
        with pytest.raises(IntegrityError):
            checked({**release[1].manifest, key: value}, "it")
    assert safe(ReleaseFile(**file()))


def test_a_manifest_that_was_edited_is_refused(release: tuple[Path, Release], tmp_path: Path) -> None:
    text = (release[0] / "release.json").read_text()
    (tmp_path / "release.json").write_text(text.replace('"rows": 1', '"rows": 2', 1))
    with pytest.raises(IntegrityError, match="altered"):
        read_release(tmp_path / "release.json")
    (tmp_path / "release.json").write_text("[" * 100_000)
    with pytest.raises(IntegrityError):
        read_release(tmp_path / "release.json")


def test_paths_of_this_machine_are_not_published(tmp_path: Path) -> None:
    def manifest(model: str, file: str) -> dict[str, Any]:
        encoder = {"name": model, "postprocess": {"file": file}}
        return {"encoder": {"config": encoder}, "recipe": {"embed": {"encoder": {"name": model}}}}

    here = manifest(str(tmp_path / "mine"), str(tmp_path / "means.npz"))
    assert placeless(here) == manifest("mine", "means.npz")
    assert here["encoder"]["config"]["name"] == str(tmp_path / "mine")
    assert placeless(manifest("org/model", "")) == manifest("org/model", "")


@pytest.mark.parametrize("secret", SECRETS[:4])
def test_a_secret_that_is_a_whole_text_is_found_among_others(secret: str) -> None:
    rows = pa.RecordBatch.from_pydict({"id": ["a", "b", "c"], "text": ["it ends in a word", secret, "_More"]})
    assert [id for id, _ in found_in_rows(rows)] == ["b"]


@pytest.mark.parametrize(
    "text",
    ["the hf_ prefix", "AKIA and ASIA", "a private key", "https://example.org/a:b@c", "mailto:me@x.org", "10://20:30"],
)
def test_what_is_no_secret(text: str) -> None:
    assert found_in(text.encode()) == ""
