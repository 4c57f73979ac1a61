from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from m4corpus.crawl.questions import cells
from m4corpus.crawl.questions.tables import TableFile, read_rows, table_files
from m4corpus.errors import UserError
from m4corpus.ledger import Fail


def rows(path: Path, content: bytes, *columns: str, optional: tuple[str, ...] = ()) -> list[Any]:
    path.write_bytes(content)
    found = list(read_rows(TableFile(path.name, path), columns, optional))
    return [(place, (row.slug, row.detail)) if isinstance(row, Fail) else (place, row) for place, row in found]


def test_csv_rows_are_told_by_their_number(tmp_path: Path) -> None:
    content = '\ufeffa,b,c\n1,"x\ny",3\n\n4,5,6\n'.encode()
    assert rows(tmp_path / "t.csv", content, "b", optional=("c", "d")) == [
        ("t.csv:1", {"b": "x\ny", "c": "3"}),
        ("t.csv:2", {"b": "5", "c": "6"}),
    ]


def test_a_json_row_that_utf8_cannot_hold_costs_itself_alone(tmp_path: Path) -> None:
    assert rows(tmp_path / "t.json", b'[{"a": "\\ud800"}, 5, {"a": "\\ud83e\\udd63"}]', "a") == [
        ("t.json:1", ("lone-surrogates", "field=a")),
        ("t.json:2", ("not-an-object", "a int")),
        ("t.json:3", {"a": "\U0001f963"}),
    ]


def test_a_bad_csv_row_costs_itself_alone(tmp_path: Path) -> None:
    content = b"a,b\n1,2\n1,2,3\n\xff\xfe,2\n1,\xff\n" + b'"' + b"x" * 1_000_001 + b'",2\n5,6\n'
    assert rows(tmp_path / "t.csv", content, "a") == [
        ("t.csv:1", {"a": "1"}),
        ("t.csv:2", ("bad-row", "cells=3 columns=2")),
        ("t.csv:3", ("invalid-utf8", "field=a")),
        ("t.csv:4", {"a": "1"}),  # nobody asked for column b
        ("t.csv:5", ("bad-row", "field larger than field limit (1000000)")),
        ("t.csv:6", {"a": "5"}),
    ]


def test_a_header_over_two_rows_is_joined(tmp_path: Path) -> None:
    content = b"Key,English,English,Hindi\n,<LOCATION>,<CUISINE>,loc_prompt\nk,Peru,Peruvian,x\n"
    found = rows(tmp_path / "t.csv", content, "Key", "English_<CUISINE>", "Hindi_loc_prompt")
    assert found == [("t.csv:1", {"Key": "k", "English_<CUISINE>": "Peruvian", "Hindi_loc_prompt": "x"})]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b"a,b\n1,2\n"),
        ("t.csv", "a,b\n1,2\n".encode("utf-16")),
        ("t.csv", b"\xff,b\n1,2\n"),
        ("t.csv", b""),
        ("t.csv", b"a,a\n1,2\n"),
        ("t.csv", b"a,a\nx,x\n1,2\n"),
        ("t.jsonl", b'{"a": 1}\n'),
        ("t.json", b'{"a": 1}'),
        ("t.json", b"[" * 100_000),
        ("t.parquet", b"PAR1 no"),
        ("t.xlsx", b""),
    ],
)
def test_what_is_no_such_table_is_the_users_to_mend(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(UserError, match=r"t\.") as raised:
        rows(tmp_path / name, content, "Question")
    assert str(tmp_path) not in str(raised.value)
    str(raised.value).encode()


def test_jsonl_json_and_parquet_give_the_same_rows(tmp_path: Path) -> None:
    records = [{"id": "1", "options": ["a", "b"], "image": "x"}, {"id": "2", "options": ["ก"], "image": "y"}]
    expected = [{"id": r["id"], "options": r["options"]} for r in records]
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "p.parquet")
    contents = {
        "t.jsonl": "\n".join(json.dumps(r) for r in records).encode(),
        "t.json": json.dumps(records).encode(),
        "t.parquet": (tmp_path / "p.parquet").read_bytes(),
    }
    for name, content in contents.items():
        assert [row for _, row in rows(tmp_path / name, content, "id", "options")] == expected


def test_a_bad_line_of_jsonl_costs_itself_alone(tmp_path: Path) -> None:
    found = rows(tmp_path / "t.jsonl", b'{"Name": 1}\n{"id": 2}\n[1]\n{"id"\n\xff\n', "id|Name")
    assert found[:2] == [("t.jsonl:1", {"id": 1}), ("t.jsonl:2", {"id": 2})]
    assert [slug for _, (slug, _) in found[2:]] == ["not-an-object", "invalid-json", "invalid-utf8"]
    assert rows(tmp_path / "t.jsonl", b'{"id": 1}\n{"x": 2}\n', "id")[1][1] == ("missing-field", "field=id")


@pytest.mark.parametrize(
    "text",
    ["__import__('os').system('x')", "[open('x')]", "(" * 5000, "{" * 50_000, "9" * 90_000, "x" * 200_000, "[1,", "\0"],
)
def test_nothing_in_a_cell_is_run_or_fatal(text: str) -> None:
    with pytest.raises(Fail, match="bad-options"):
        cells.texts(text, "options")


def test_cells_hold_json_or_python_lists() -> None:
    assert cells.texts('["soup", "null"]', "x") == cells.texts("['soup', 'null']", "x") == ["soup", "null"]
    assert cells.texts("('Spanish', 'Chile')", "x") == ["Spanish", "Chile"]
    with pytest.raises(Fail, match="bad-x"):
        cells.texts("[1]", "x")
    for text in ('["\\ud800"]', "['\\ud800']", f"0x{'f' * 9000}"):
        with pytest.raises(Fail):
            cells.texts(text, "x")


def test_a_missing_table_is_named_as_the_recipe_names_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no table gone") as raised:
        table_files("gone.csv", tmp_path)
    assert str(tmp_path) not in str(raised.value)


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub as one data set needs: its listing, and its files at the commit."""

    files: ClassVar[dict[str, bytes]] = {"README.md": b"a table", "data/t.csv": b"a\n1\n", "data/t.jsonl": b"{}" * 50}

    def _answer(self, body: bytes, **headers: str) -> None:
        self.send_response(200)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.startswith("/api/datasets/some/table"):
            siblings = [{"rfilename": name, "size": len(body)} for name, body in self.files.items()]
            self._answer(json.dumps({"id": "some/table", "sha": COMMIT, "siblings": siblings}).encode())
        elif (name := path.removeprefix(f"/datasets/some/table/resolve/{COMMIT}/")) in self.files:
            self._answer(self.files[name], ETag=f'"{len(name)}"', X_Repo_Commit=COMMIT)
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_data_set_is_read_at_its_commit(tmp_path: Path, hub: str) -> None:
    environment = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": hub, "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-c", CODE, "hf://datasets/some/table", "hf://datasets/some/other"]
    result = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)
    found, missing = result.stdout.splitlines()
    assert found == f"hf://datasets/some/table@{COMMIT}/data/t.csv [{{'a': '1'}}]"
    assert missing == "UserError: there is no data set 'some/other' on the Hub, or it needs an account"


COMMIT = "0123456789abcdef0123456789abcdef01234567"
CODE = """
import sys
from pathlib import Path
from m4corpus.crawl.questions.tables import table_files, read_rows
from m4corpus.errors import UserError
for spec in sys.argv[1:]:
    try:
        for file in table_files(spec, Path(".")):
            print(file.name, [row for _, row in read_rows(file, ["a"])])
    except UserError as error:
        print("UserError:", error.message)
"""


def test_a_pinned_data_set_that_was_fetched_needs_no_network(tmp_path: Path) -> None:
    snapshot = tmp_path / "hub" / "datasets--some--table" / "snapshots" / COMMIT
    (snapshot / "data").mkdir(parents=True)
    (snapshot / "README.md").write_text("a table")
    (snapshot / "small.csv").write_text("a\n1\n")
    (snapshot / "data" / "big.jsonl").write_text('{"a": 2, "image": "' + "x" * 100 + '"}\n')
    environment = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_DISABLE_TELEMETRY": "1"}
    base = f"hf://datasets/some/table@{COMMIT}"
    specs = [base, f"{base}/data/*.jsonl", f"{base}/x.csv", "hf://datasets/some/table", "hf://datasets/some"]
    command = [sys.executable, "-c", CODE, *specs]
    result = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)
    lines = result.stdout.splitlines()
    assert lines[:2] == [f"{base}/small.csv [{{'a': '1'}}]", f"{base}/data/big.jsonl [{{'a': 2}}]"]
    assert lines[2] == f"UserError: {base}/x.csv: no such file in the data set"
    assert lines[3].startswith("UserError: the data set 'some/table' is not on this machine, and the Hub cannot be")
    assert lines[4] == "UserError: hf://datasets/some names no data set"
