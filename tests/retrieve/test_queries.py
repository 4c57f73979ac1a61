"""Query files are read line by line, and a line that is no query is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from m4corpus.errors import UserError
from m4corpus.retrieve.queries import Query, read_queries


def write(tmp_path: Path, *lines: str, start: str = "") -> Path:
    path = tmp_path / "queries.jsonl"
    path.write_bytes((start + "\n".join(lines)).encode("utf-8"))
    return path


def test_queries_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, '{"id": "b", "text": "凧", "language": "ja"}', "", '{"id": 7, "text": "kite"}', "  ")
    assert read_queries(path) == [Query("b", "凧", "ja"), Query("7", "kite", "")]


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\x85"])
def test_a_line_ends_at_a_line_feed_and_nowhere_else(tmp_path: Path, odd: str) -> None:
    # JSON lets these stand in a string, and str.splitlines would cut there.
    line = json.dumps({"id": "1", "text": f"one{odd}two"}, ensure_ascii=False)
    assert read_queries(write(tmp_path, line)) == [Query("1", f"one{odd}two")]


def test_windows_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = write(tmp_path, '{"id": "1", "text": "a"}\r', '{"id": "2", "text": "b"}\r', "", start="\ufeff")
    assert [q.id for q in read_queries(path)] == ["1", "2"]


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        '"text"',
        "null",
        '{"id": "1"}',
        '{"text": "x"}',
        '{"id": null, "text": "x"}',
        '{"id": "1", "text": null}',
        '{"id": "1", "text": ""}',
        '{"id": "1", "text": "  "}',
        '{"id": "", "text": "x"}',
        '{"id": "1", "text": ["x"]}',
        '{"id": {"a": 1}, "text": "x"}',
        '{"id": true, "text": "x"}',
        '{"id": "1", "text": "x", "language": 3}',
        '{"id": "1", "text": "half a pair: \\ud800"}',
        '{"id": "1", "text": "cut',
    ],
)
def test_a_line_that_is_no_query_is_named(tmp_path: Path, line: str) -> None:
    path = write(tmp_path, '{"id": "0", "text": "good"}', "", line)
    with pytest.raises(UserError) as caught:
        read_queries(path)
    assert f"{path}:3" in caught.value.message
    assert '"text"' in caught.value.hint


def test_language_may_be_null(tmp_path: Path) -> None:
    assert read_queries(write(tmp_path, '{"id": "1", "text": "x", "language": null}')) == [Query("1", "x", "")]


def test_an_id_used_twice_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, '{"id": "1", "text": "a"}', '{"id": 1, "text": "b"}')
    with pytest.raises(UserError, match=r"queries\.jsonl:2: query id '1' appears twice"):
        read_queries(path)


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_no_queries(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "q").write_bytes(content)
    with pytest.raises(UserError, match="holds no queries"):
        read_queries(tmp_path / "q")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b'{"id": "1", "text": "caf\xe9"}\n')
    for path in (tmp_path / "missing", tmp_path, tmp_path / "latin"):
        with pytest.raises(UserError) as caught:
            read_queries(path)
        assert str(path) in caught.value.message
