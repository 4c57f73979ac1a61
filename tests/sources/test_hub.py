from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_stub import Hub, serving
from sources_work import listed, pages, read, reasons, source

from m4corpus.errors import EnvironmentFailure, UserError
from m4corpus.pipeline import Pipeline
from m4corpus.sources import hub as hub_source
from m4corpus.sources import hubrequests, slices
from m4corpus.sources.readers import read_file, units

NAME = "owner/things"
TOKEN = "hf_not_a_real_one"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    from huggingface_hub import constants

    with serving() as served:
        monkeypatch.setattr(constants, "ENDPOINT", served.endpoint)
        template = f"{served.endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr(hubrequests, "WAIT", 0.001)
        yield served


def lines(count: int, start: int = 0) -> bytes:
    made = [{"id": f"r{n}", "text": f"Text {n} " + "x" * 100} for n in range(start, start + count)]
    return b"".join(json.dumps(one).encode() + b"\n" for one in made)


def table(count: int, **options: Any) -> bytes:
    sink = io.BytesIO()
    rows = {"id": [f"p{n}" for n in range(count)], "text": [f"Row {n} {n * 'x'}" for n in range(count)]}
    pq.write_table(pa.table(rows), sink, **options)
    return sink.getvalue()


def address(rest: str = "", revision: str = "") -> str:
    return f"hf://datasets/{NAME}{'@' + revision if revision else ''}{'/' + rest if rest else ''}"


def test_listing_costs_no_download(tmp_path: Path, hub: Hub) -> None:
    files = {f"data/sw/{n}.jsonl": lines(100, n) for n in range(4)}
    sha = hub.commit(NAME, {**files, "small.jsonl": lines(1), "README.md": b"# x", "load.py": b"raise SystemExit"})
    found = listed(tmp_path, source("jsonl", address()))
    assert [file.path for file in found] == [*sorted(files), "small.jsonl"]
    assert [file.size for file in found] == [*(len(files[name]) for name in sorted(files)), len(lines(1))]
    assert {file.native.partition("@")[2][:40] for file in found} == {sha}
    assert all(request.path.startswith("/api/") for request in hub.requests)


def test_files_are_streamed_and_named_after_their_place_in_the_data_set(tmp_path: Path, hub: Hub) -> None:
    hub.commit(
        NAME, {"data/sw/a.jsonl": lines(50), "b.jsonl.gz": gzip.compress(lines(50, 50)), "c.jsonl": lines(2, 99)}
    )
    items = pages(read(tmp_path, source("jsonl", address())))
    assert [page.id for page in items] == [
        *(f"r{n}" for n in range(50, 100)),
        "r99",
        "r100",
        *(f"r{n}" for n in range(50)),
    ]
    assert (items[-50].locator, items[-50].language_hint) == ("data/sw/a.jsonl:1", "sw")
    assert not list(tmp_path.rglob("*.jsonl*"))


@pytest.mark.parametrize(
    ("rest", "options", "taken"),
    [
        ("", {}, ["a/1.jsonl", "a/b/2.jsonl", "c/3.jsonl", "x.jsonl"]),
        ("a", {}, ["a/1.jsonl", "a/b/2.jsonl"]),
        ("a/*.jsonl", {}, ["a/1.jsonl"]),
        ("**/[12].jsonl", {}, ["a/1.jsonl", "a/b/2.jsonl"]),
        ("a/other.txt", {}, ["a/other.txt"]),
        ("", {"exclude": ["a/b", "c/*"]}, ["a/1.jsonl", "x.jsonl"]),
        ("a/**", {"include": ["**/*.txt"]}, ["a/other.txt"]),
    ],
)
def test_what_an_address_takes(tmp_path: Path, hub: Hub, rest: str, options: dict[str, Any], taken: list[str]) -> None:
    names = ["a/1.jsonl", "a/b/2.jsonl", "a/other.txt", "c/3.jsonl", "x.jsonl", ".hidden.jsonl", "y.bin"]
    hub.commit(NAME, dict.fromkeys(names, b"{}\n"))
    assert [file.path for file in listed(tmp_path, source("jsonl", address(rest), **options))] == taken


def test_a_branch_is_a_commit_once_it_is_listed(tmp_path: Path, hub: Hub) -> None:
    old = hub.commit(NAME, {"x.jsonl": lines(30)})
    config = source("jsonl", address())
    files = listed(tmp_path, config)
    new = hub.commit(NAME, {"x.jsonl": lines(40)})
    assert len(list(read_file(config, tmp_path, files[0]))) == 30
    assert len(read(tmp_path, config)) == 40
    assert len(read(tmp_path, source("jsonl", address(revision=old)))) == 30
    hub.commit(NAME, {"x.jsonl": lines(7)}, "refs/convert/parquet")
    assert len(read(tmp_path, source("jsonl", address(revision="refs/convert/parquet")))) == 7
    assert len(read(tmp_path, source("jsonl", address(revision="refs%2Fconvert%2Fparquet")))) == 7
    assert hub_source.commit(listed(tmp_path, config)[0].native) == f"{NAME}@{new}"


def test_parquet_is_read_by_ranges(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = io.BytesIO()
    wide = {"text": [f"Row {n}" for n in range(500)], "image": [os.urandom(20_000) for _ in range(500)]}
    pq.write_table(pa.table(wide), sink, row_group_size=100, compression="none")
    hub.commit(NAME, {"x.parquet": sink.getvalue()})
    config = source("parquet", address(), metadata=[])
    items = pages(read(tmp_path, config))
    assert [page.content for page in items] == wide["text"]
    asked = [request.range.removeprefix("bytes=").split("-") for request in hub.fetched()]
    assert sum(int(end) + 1 - int(start) for start, end in asked) < len(sink.getvalue()) / 2
    (tmp_path / "x.parquet").write_bytes(sink.getvalue())
    assert [page.content for page in pages(read(tmp_path, source("parquet", "x.parquet", metadata=[])))] == wide["text"]
    monkeypatch.setattr(slices, "SLICE_BYTES", 3_000_000)
    (file,) = listed(tmp_path, config)
    assert len(units(config, tmp_path, file)) > 2
    assert read(tmp_path, config) == items


def test_the_token_stays_with_the_hub(tmp_path: Path, hub: Hub) -> None:
    hub.commit(NAME, {"x.jsonl": lines(30)})
    read(tmp_path, source("jsonl", address()))
    assert {request.token for request in hub.fetched()} == {""}
    assert {request.token for request in hub.requests if not request.path.startswith("/cdn/")} == {f"Bearer {TOKEN}"}


def test_a_transfer_that_breaks_off_is_taken_up_where_it_did(tmp_path: Path, hub: Hub) -> None:
    content = lines(3000)
    hub.commit(NAME, {"x.jsonl": content, "t.parquet": table(300)})
    hub.faults = [("x.jsonl", at) for at in (1, 100_000, -503, 70_000, 0, -429, 0, 0)]
    items = read(tmp_path, source("jsonl", address()))
    assert [page.id for page in pages(items)] == [f"r{n}" for n in range(3000)]
    assert len(items) == 3000
    assert not hub.faults
    assert sum(int(request.range[6:].split("-")[0]) > 0 for request in hub.fetched()) >= 4
    hub.faults = [("t.parquet", at) for at in (10, -500, 0)]
    assert len(pages(read(tmp_path, source("parquet", address())))) == 300
    assert not hub.faults


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
@pytest.mark.parametrize("fault", [10, -503])
def test_a_hub_that_stays_away_is_the_machines_failure(tmp_path: Path, hub: Hub, format: str, fault: int) -> None:
    """It must not be taken for bad data."""
    name = f"x.{format}"
    hub.commit(NAME, {name: lines(1000) if format == "jsonl" else table(200)})
    config = source(format, address())
    (file,) = listed(tmp_path, config)
    hub.faults = [(name, 0 if fault > 0 else fault)] * 50
    if fault > 0:
        hub.faults.insert(0, (name, fault))
    with pytest.raises(EnvironmentFailure, match="Hub"):
        list(read_file(config, tmp_path, file))
    assert hub.faults


def test_a_hub_that_is_gone(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(hubrequests, "RETRIES", 2)
    with pytest.raises(EnvironmentFailure, match="cannot be reached"):
        listed(tmp_path, source("jsonl", address()))


def test_other_content_than_was_listed_is_noticed(tmp_path: Path, hub: Hub) -> None:
    for limit in (1000, 10_000_000):  # in LFS, by SHA-256; in git, by git's own digest
        hub.lfs = limit
        sha = hub.commit(NAME, {"x.jsonl": lines(50)})
        config = source("jsonl", address())
        (file,) = listed(tmp_path, config)
        assert len(list(read_file(config, tmp_path, file))) == 50
        hub.repos[NAME][sha]["x.jsonl"] = lines(50).replace(b"Text 7", b"Test 7")
        items = list(read_file(config, tmp_path, file))
        assert reasons(items) == {"x.jsonl": "changed-while-reading"}
        for other in (lines(49), lines(51)):
            hub.repos[NAME][sha]["x.jsonl"] = other
            assert reasons(list(read_file(config, tmp_path, file))) == {"x.jsonl": "changed-while-reading"}
        del hub.repos[NAME][sha]["x.jsonl"]
        assert reasons(list(read_file(config, tmp_path, file))) == {"x.jsonl": "vanished"}


def test_a_proxy_that_knows_no_ranges(tmp_path: Path, hub: Hub) -> None:
    hub.ranges = False
    hub.commit(NAME, {"x.jsonl": lines(50), "x.parquet": table(900)})
    assert len(pages(read(tmp_path, source("jsonl", address())))) == 50
    hub.faults = [("x.jsonl", 100)]
    with pytest.raises(EnvironmentFailure, match="part of a file"):
        read(tmp_path, source("jsonl", address()))


def test_an_overloaded_listing_is_asked_again(tmp_path: Path, hub: Hub) -> None:
    hub.commit(NAME, {"x.jsonl": lines(50)})
    hub.listing_faults = [503, 429, 500]
    assert len(listed(tmp_path, source("jsonl", address()))) == 1


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("hf://datasets/owner/nothing", "Repository Not Found|401"),
        (f"hf://datasets/{NAME}@nothing", "Revision Not Found|404"),
        (f"hf://datasets/{NAME}/nothing/*.jsonl", "Entry Not Found|404"),
        (f"hf://datasets/{NAME}/*.none", "matches"),
        ("hf://datasets/owner/--bad--", "bad"),
    ],
)
def test_what_is_not_there_is_the_users_mistake(tmp_path: Path, hub: Hub, path: str, message: str) -> None:
    hub.commit(NAME, {"x.jsonl": lines(1)})
    with pytest.raises(UserError, match=message) as error:
        listed(tmp_path, source("jsonl", path))
    assert error.value.hint


@pytest.mark.parametrize("path", ["hf://owner/things", "hf://datasets/things", "hf://models/a/b", "hf://datasets/a/b@"])
def test_addresses_of_another_form(path: str) -> None:
    with pytest.raises(ValueError, match="hf://datasets/OWNER/NAME"):
        source("jsonl", path)
    with pytest.raises(ValueError, match="jsonl or parquet"):
        source("html", address())


PROGRAM = """
import json, sys
from pathlib import Path
from m4corpus.pipeline import Pipeline
from m4corpus.storage.artifact import Artifact

if __name__ == "__main__":
    recipe, workdir, workers = sys.argv[1:]
    stage = Pipeline.from_file(Path(recipe), Path(workdir)).run(last="read", workers=int(workers)).stages[0]
    print(json.dumps([stage.state, stage.logical, Artifact.open(stage.directory).manifest["info"]["hub"]]))
"""


def test_a_run_records_the_commit_and_workers_leave_no_trace(tmp_path: Path, hub: Hub) -> None:
    hub.lfs = 10_000
    files = {f"{n}.parquet": table(60 + n, row_group_size=20) for n in range(4)}
    (tmp_path / "run.py").write_text(PROGRAM)
    sources = f"  - {{name: s, format: parquet, path: '{address()}'}}"
    (tmp_path / "recipe.yaml").write_text(f"name: r\npartitions: 2\nread:\n  sources:\n{sources}\n")

    def run(workers: int) -> list[Any]:
        command = [sys.executable, "run.py", "recipe.yaml", f"work-{workers}", str(workers)]
        environment = {**os.environ, "HF_ENDPOINT": hub.endpoint}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]

    first = hub.commit(NAME, files)
    state, logical, about = run(1)
    assert (state, about) == ("run", {"s": f"{NAME}@{first}"})
    planned = Pipeline.from_file(tmp_path / "recipe.yaml", tmp_path / "work-1").plan()
    assert planned[0].state == "cached"
    second = hub.commit(NAME, {**files, "README.md": b"changed"})
    assert run(2) == ["run", logical, {"s": f"{NAME}@{second}"}]
