"""The frontier: what is known of requests, what others see of it meanwhile, and what is left of a damaged one."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from m4corpus.crawl.archive import Place
from m4corpus.crawl.database import BATCH, DELAY
from m4corpus.crawl.frontier import Frontier, Row
from m4corpus.crawl.messages import Failed, Request, Response
from m4corpus.errors import IntegrityError, UserError


def asked(number: int, kind: str = "page") -> Request:
    return Request(kind, f"https://example.org/{number:04d}")


def answer(body: bytes = b"12345", at: str = "2025-04-30T12:00:00Z") -> Response:
    return Response("https://example.org/elsewhere", 200, (), body, at)


def test_what_becomes_of_a_request(tmp_path: Path) -> None:
    place = Place(1, 20, 300)
    with Frontier(tmp_path / "f.sqlite") as frontier:
        assert frontier.seen(asked(0).key) is None
        for number in range(3):
            frontier.ask(asked(number))
        frontier.done(asked(1), place, answer(), attempts=2, seconds=1.5)
        frontier.failed(asked(2), Failed("timeout", "read", transient=True), place, attempts=6, seconds=9.0)
        frontier.ask(asked(1))
    with Frontier(tmp_path / "f.sqlite") as frontier:
        key, kind, url = asked(0).key, "page", asked(0).url
        assert frontier.seen(key) == Row(key, kind, url, "pending")
        known = frontier.seen(asked(1).key)
        assert known == Row(
            *(asked(1).key, kind, asked(1).url, "done", 2, "", "", False, 200, place, 5, "2025-04-30T12:00:00Z", 1.5)
        )
        failed = frontier.seen(asked(2).key)
        assert failed is not None
        assert (failed.state, failed.attempts, failed.place, failed.seconds) == ("failed", 6, place, 9.0)
        verdict = failed.failure
        assert (verdict.slug, verdict.detail, verdict.transient) == ("timeout", "read", True)
        frontier.done(asked(2), place, answer())
        again = frontier.seen(asked(2).key)
        assert again is not None
        assert (again.state, again.slug) == ("done", "")


def test_how_a_crawl_goes() -> None:
    with Frontier(None) as frontier:
        for number in range(6):
            frontier.ask(asked(number))
            frontier.ask(asked(number, "search"))
        frontier.done(asked(0), Place(0, 0, 1), answer(b"123"))
        frontier.done(asked(1, "search"), Place(0, 1, 1), answer(b"4567"))
        frontier.failed(asked(3), Failed("http-status", "status=404"))
        frontier.failed(asked(2), Failed("http-status", "status=410"))
        frontier.failed(asked(4), Failed("timeout", transient=True))
        frontier.failed(asked(4, "search"), Failed("timeout", transient=True))
        assert frontier.counts() == {
            "page": {"done": 1, "failed": 3, "pending": 2},
            "search": {"done": 1, "failed": 1, "pending": 4},
        }
        assert frontier.errors() == {"page": {"http-status": 2, "timeout": 1}, "search": {"timeout": 1}}
        assert [row.url[-1] for row in frontier.failures("page")] == ["2", "3", "4"]
        assert [(row.kind, row.detail) for row in frontier.failures()][:2] == [
            ("page", "status=410"),
            ("page", "status=404"),
        ]
        assert frontier.size() == 7


def test_troubles_add_up() -> None:
    with Frontier(None) as frontier:
        frontier.trouble("b.org", "timeout", 1.5)
        frontier.trouble("a.org", "rate-limited", 2.0)
        frontier.trouble("b.org", "timeout", 2.5)
        frontier.trouble("b.org", "connection")
        assert frontier.troubles() == [
            ("a.org", "rate-limited", 1, 2.0),
            ("b.org", "connection", 1, 0.0),
            ("b.org", "timeout", 2, 4.0),
        ]


def test_rate_counts_recent_answers() -> None:
    with Frontier(None) as frontier:
        assert frontier.rate() == 0
        for number in range(60):
            frontier.done(asked(number), Place(0, number, 1), answer(at=f"2025-04-30T12:00:{number:02d}Z"))
        frontier.failed(asked(99), Failed("timeout"))
        end = datetime(2025, 4, 30, 12, 0, 59, tzinfo=UTC)
        assert frontier.rate(300, end) == pytest.approx(60 / 59)
        assert frontier.rate(10, end) == pytest.approx(11 / 10)
        assert frontier.rate(300, datetime(2025, 4, 30, 13, tzinfo=UTC)) == 0


def test_facts_are_sorted_by_their_bytes() -> None:
    keys = ["a", "B", "é", "日本", "\U0001f600", "\uffee", "", "a\t1", "a 1"]
    with Frontier(None) as frontier:
        for key in keys:
            frontier.note("answer", key, {"z": [1, None], "a": key})
        frontier.note("pin", "b", {})
        frontier.note("answer", "B", "changed")
        assert [key for key, _ in frontier.facts("answer")] == sorted(keys, key=str.encode)
        assert frontier.fact("answer", "日本") == {"a": "日本", "z": [1, None]}
        assert frontier.fact("answer", "B") == "changed"
        assert frontier.fact("answer", "b") is None
        assert (frontier.number("answer"), frontier.number("pin"), frontier.number("none")) == (9, 1, 0)


def test_facts_may_be_noted_while_others_are_read() -> None:
    with Frontier(None) as frontier:
        for number in range(2500):
            frontier.note("reached", f"{number:06d}", number)
        found = []
        for key, number in frontier.facts("reached"):
            frontier.note("pin", key, number)
            found.append(number)
        assert found == list(range(2500))
        assert frontier.number("pin") == 2500


def test_changes_are_committed_in_groups_behind_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "f.sqlite"
    calls: list[int] = []

    def seen_by_others() -> int:
        with Frontier(path, read_only=True) as other:
            return sum(number for states in other.counts().values() for number in states.values())

    def checkpoint() -> Place:
        calls.append(seen_by_others())
        return Place(3, 100 * len(calls), 0)

    with Frontier(path) as frontier:
        assert frontier.settled is None
        frontier.checkpoint = checkpoint
        for number in range(BATCH - 1):
            frontier.ask(asked(number))
        assert (calls, seen_by_others()) == ([], 0)
        frontier.ask(asked(BATCH))
        assert (calls, seen_by_others()) == ([0], BATCH), "the archive comes first"
        frontier.ask(asked(1000))
        time.sleep(DELAY)
        assert seen_by_others() == BATCH
        frontier.ask(asked(1001))
        assert (calls, seen_by_others()) == ([0, BATCH], BATCH + 2)
        frontier.ask(asked(1002))
        frontier.commit()
        assert seen_by_others() == BATCH + 3
        frontier.commit()
        assert len(calls) == 3, "nothing changed, nothing to make durable"
        frontier.ask(asked(1003))
    assert len(calls) == 4
    with Frontier(path) as frontier:
        assert frontier.settled == Place(3, 400, 0)
        frontier.settle(Place(5, 10, 7))
        assert frontier.settled == Place(5, 17, 0)


def test_a_failed_checkpoint_commits_nothing(tmp_path: Path) -> None:
    def checkpoint() -> Place:
        raise OSError(28, "No space left on device")

    frontier = Frontier(tmp_path / "f.sqlite")
    frontier.checkpoint = checkpoint
    frontier.ask(asked(0))
    with pytest.raises(OSError, match="No space"):
        frontier.commit()
    with pytest.raises(OSError, match="No space"):
        frontier.close()
    with Frontier(tmp_path / "f.sqlite", read_only=True) as other:
        assert other.counts() == {}


def test_reading_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "f.sqlite"
    with pytest.raises(UserError, match="does not exist"):
        Frontier(path, read_only=True)
    with Frontier(path) as frontier:
        frontier.set_meta("started", "now")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with Frontier(path, read_only=True) as other:
        assert other.meta("started") == "now"
        assert other.meta("finished") == ""
        with pytest.raises(OSError, match="readonly"):
            other.ask(asked(0))
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize("damage", ["garbage", "half", "a page"])
def test_a_damaged_file_is_replaced(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "f.sqlite"
    with Frontier(path) as frontier:
        for number in range(2000):
            frontier.ask(asked(number))
    content = path.read_bytes()
    if damage == "garbage":
        path.write_bytes(b"no database at all" * 999)
    elif damage == "half":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(content[:40960] + b"\xff" * 4096 + content[45056:])
    with Frontier(path) as frontier:
        assert frontier.counts() == {}
        assert frontier.settled is None
        frontier.ask(asked(1))
    assert sqlite3.connect(path).execute("SELECT COUNT(*) FROM requests").fetchone() == (1,)


def test_damage_found_later_stops_the_crawl(tmp_path: Path) -> None:
    path = tmp_path / "f.sqlite"
    with Frontier(path) as frontier:
        for number in range(100):  # more than SQLite keeps in memory
            frontier.note("large", str(number), "x" * 100_000)
    content = path.read_bytes()
    with Frontier(path) as frontier:
        path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
        with pytest.raises(IntegrityError, match="is damaged"):
            list(frontier.facts("large"))
