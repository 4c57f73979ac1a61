from __future__ import annotations

import hashlib
import os
import socket
import sqlite3
import time
from pathlib import Path

import pytest
from sources_work import listed, pages, read, reasons, source

from m4corpus.errors import UserError
from m4corpus.sources import hashcache, inventory
from m4corpus.sources.config import ReadConfig, SourceConfig

PAGE = "<html><p>a kite</p></html>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    (made / "en").mkdir(parents=True)
    (made / "en" / "kite.html").write_text(PAGE)
    return made


def test_lists_matching_files_with_size_and_digest(tmp_path: Path, folder: Path) -> None:
    (folder / "B.HTM").write_bytes(b"x")
    (folder / "style.css").write_text("p {}")
    (folder / ".draft.html").write_text(PAGE)
    files = listed(tmp_path, source("html"))
    assert [(file.path, file.size) for file in files] == [("B.HTM", 1), ("en/kite.html", len(PAGE))]
    assert files[1].sha256 == hashlib.sha256(PAGE.encode()).hexdigest()


def test_order_is_by_source_and_path_alone(tmp_path: Path) -> None:
    for name in ("b/2.html", "a/9.html", "c.html", "a/10.html"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(PAGE)
    two = [SourceConfig(name=name, format="html", path="in") for name in ("z", "y")]
    files = inventory.inventory(ReadConfig(sources=two), tmp_path, tmp_path / "cache")
    names = ["a/10.html", "a/9.html", "b/2.html", "c.html"]
    assert [(file.source, file.path) for file in files] == [(s, name) for s in ("y", "z") for name in names]


def test_include_and_exclude(tmp_path: Path, folder: Path) -> None:
    (folder / "en" / "x.php").write_text(PAGE)
    (folder / "old" / "deep").mkdir(parents=True)
    (folder / "old" / "deep" / "y.php").write_text(PAGE)
    assert [f.path for f in listed(tmp_path, source("html", include=["**/*.php"], exclude=["old"]))] == ["en/x.php"]


def test_a_file_and_a_glob(tmp_path: Path, folder: Path) -> None:
    (folder / "sw").mkdir()
    (folder / "sw" / "kite.html").write_text(PAGE)
    (folder / "sw" / "drum.html").write_text(PAGE)
    assert [f.path for f in listed(tmp_path, source("html", "in/en/kite.html"))] == ["kite.html"]
    globbed = listed(tmp_path, source("html", "in/*/k*.html"))
    assert [f.path for f in globbed] == ["en/kite.html", "sw/kite.html"]
    assert [p.language_hint for p in pages(read(tmp_path, source("html", "in/*/k*.html")))] == ["en", "sw"]
    assert [f.path for f in listed(tmp_path, source("html", "in/**", include=["sw/*"]))] == [
        "sw/drum.html",
        "sw/kite.html",
    ]


def test_a_path_that_exists_is_no_glob(tmp_path: Path) -> None:
    odd = tmp_path / "a[1]"
    odd.mkdir()
    (odd / "x.html").write_text(PAGE)
    assert [f.path for f in listed(tmp_path, source("html", "a[1]"))] == ["x.html"]
    assert len(pages(read(tmp_path, source("html", "a[1]")))) == 1


@pytest.mark.parametrize("path", ["nowhere", "nowhere/*.html", "in/nowhere.html"])
def test_a_missing_path_is_the_users_mistake(tmp_path: Path, folder: Path, path: str) -> None:
    with pytest.raises(UserError, match=r"source s: .*nowhere") as error:
        listed(tmp_path, source("html", path))
    assert error.value.hint


def test_no_matching_file_is_the_users_mistake(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(UserError, match=r"no file in .* matches .*\*\.parquet"):
        listed(tmp_path, source("parquet"))
    with pytest.raises(UserError, match=r"no file in .* matches \*/x\*"):
        listed(tmp_path, source("html", "in/*/x*"))


def test_what_is_no_plain_file_is_listed_but_never_opened(tmp_path: Path, folder: Path) -> None:
    os.mkfifo(folder / "pipe.html")  # opening it would wait for ever
    (folder / "gone.html").symlink_to("nowhere.html")
    (folder / "loop.html").symlink_to("loop.html")
    (folder / "same.html").symlink_to("en/kite.html")
    (tmp_path / "secret.html").write_text("secret")
    (folder / "out.html").symlink_to(tmp_path / "secret.html")
    (folder / "de").symlink_to("en")
    (tmp_path / "elsewhere").mkdir()
    (folder / "away").symlink_to(tmp_path / "elsewhere")
    (folder / "en" / "up").symlink_to("..")
    here = Path.cwd()
    os.chdir(folder)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind("socket.html")
    os.chdir(here)
    items = read(tmp_path, source("html"))
    assert reasons(items) == {
        "pipe.html": "not-a-file",
        "socket.html": "not-a-file",
        "gone.html": "broken-link",
        "loop.html": "broken-link",
        "out.html": "outside-source",
        "away": "outside-source",
        "de": "linked-folder",
        "en/up": "linked-folder",
    }
    assert [page.locator for page in pages(items)] == ["en/kite.html", "same.html"]
    assert {item.entry().outcome for item in items if getattr(item, "reason", "") == "linked-folder"} == {"dropped"}


def test_a_link_the_recipe_names_itself_is_followed(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "page.html").symlink_to(folder / "en" / "kite.html")
    assert [f.path for f in listed(tmp_path, source("html", "link"))] == ["en/kite.html"]
    assert len(pages(read(tmp_path, source("html", "page.html")))) == 1


def test_a_file_that_vanishes_while_listed(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "drum.html").write_text(PAGE)
    opened = inventory.open_regular

    def open_after_loss(path: Path) -> int:
        (folder / "drum.html").unlink(missing_ok=True)
        return opened(path)

    monkeypatch.setattr(inventory, "open_regular", open_after_loss)
    assert reasons(read(tmp_path, source("html"))) == {"drum.html": "vanished"}


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs POSIX users")
def test_what_may_not_be_read(tmp_path: Path, folder: Path) -> None:
    (folder / "closed").mkdir()
    (folder / "private.html").write_text(PAGE)
    (folder / "private.html").chmod(0)
    (folder / "closed").chmod(0)
    for parent in [folder, *folder.parents][:-2]:
        parent.chmod(parent.stat().st_mode | 0o755)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        items = read(tmp_path, source("html"))
    finally:
        if root:
            os.seteuid(0)
        (folder / "closed").chmod(0o755)
    assert reasons(items) == {"closed": "unreadable-folder", "private.html": "unreadable"}
    assert [page.locator for page in pages(items)] == ["en/kite.html"]


def test_names_that_are_not_utf8(tmp_path: Path, folder: Path) -> None:
    raw = os.fsencode(folder)
    with open(raw + b"/caf\xe9.html", "wb") as stream:  # noqa: PTH123  (a path of bytes)
        stream.write(PAGE.encode())
    items = read(tmp_path, source("html", url_prefix="https://example.org/"))
    page = pages(items)[0]
    assert (page.id, page.locator) == ("s:caf%E9.html", "caf%E9.html")
    assert page.url == "https://example.org/caf%E9.html"
    (folder / "caf%E9.html").write_text("<p>another</p>")
    items = read(tmp_path, source("html"))
    assert reasons(items) == {"caf%E9.html": "ambiguous-name"}
    assert [p.content for p in pages(items)] == ["<p>another</p>", PAGE]


def backdate(path: Path, seconds: float) -> None:
    stamp = time.time_ns() - int(seconds * 1e9) + 1
    os.utime(path, ns=(stamp, stamp))


def test_digests_are_remembered_until_a_file_changes(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = folder / "en" / "kite.html"
    time.sleep(0.06)  # the change must be older than the clock of the kernel ticks
    first = listed(tmp_path, source("html"))
    monkeypatch.setattr(inventory, "open_regular", lambda path: pytest.fail(f"{path} was read again"))
    assert listed(tmp_path, source("html")) == first
    monkeypatch.undo()
    before = page.stat()
    page.write_text(PAGE.replace("kite", "bowl"))
    os.utime(page, ns=(before.st_atime_ns, before.st_mtime_ns))  # same size, same time: only the change time tells
    assert listed(tmp_path, source("html"))[0].sha256 == hashlib.sha256(page.read_bytes()).hexdigest()


def test_a_file_just_written_is_not_remembered(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashcache, "_TICK_NS", 60 * 10**9)
    listed(tmp_path, source("html"))
    rows = sqlite3.connect(tmp_path / "cache" / "digests.sqlite").execute("SELECT count(*) FROM digests")
    assert rows.fetchone() == (0,)


def test_a_damaged_or_unusable_cache_costs_only_time(tmp_path: Path, folder: Path) -> None:
    first = listed(tmp_path, source("html"))
    (tmp_path / "cache" / "digests.sqlite").write_bytes(b"no database" * 1000)
    assert listed(tmp_path, source("html")) == first
    config = ReadConfig(sources=[source("html")])
    (tmp_path / "occupied").write_text("a file where the cache should be")
    assert inventory.inventory(config, tmp_path, tmp_path / "occupied") == first


def test_many_unchanged_files_are_listed_fast(tmp_path: Path) -> None:
    for number in range(5000):
        folder = tmp_path / "in" / f"{number // 500}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.html").write_text(str(number))
    time.sleep(0.06)
    first = listed(tmp_path, source("html"))
    started = time.perf_counter()
    assert listed(tmp_path, source("html")) == first
    assert time.perf_counter() - started < 2


def test_digests_looked_up_at_once_are_those_looked_up_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashcache, "_TICK_NS", 0)
    path = tmp_path / "page.html"
    path.write_text(PAGE)
    os.utime(path, ns=(1, 1))
    status = path.stat()
    keys = [f"/in/{number}.html".encode() for number in range(1200)]
    with hashcache.DigestCache(tmp_path / "cache") as digests:
        for number, key in enumerate(keys[:-1]):
            digests.put(key, status, f"{number:x}")
    with hashcache.DigestCache(tmp_path / "cache") as digests:
        one_by_one = [digests.get(key, hashcache.stamp_of(status)) for key in keys]
        digests.foresee(keys)
        assert [digests.get(key, hashcache.stamp_of(status)) for key in keys] == one_by_one
        assert one_by_one == [*(f"{number:x}" for number in range(1199)), None]
        assert digests.get(keys[0], "another stamp") is None
