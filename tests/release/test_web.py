"""Releases on a web server: an answer without end is stopped, and what an address holds is told to nobody."""

from __future__ import annotations

import base64
import json
import logging
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, unquote
from urllib.request import Request

import pytest
from click.testing import CliRunner
from release_work import Made, answers, tree

from m4corpus.cli.main import cli
from m4corpus.errors import EnvironmentFailure, IntegrityError, UserError
from m4corpus.release import pull as pulling
from m4corpus.release.pull import pull
from m4corpus.release.stores import FsspecStore, LocalStore, Store, store_of
from m4corpus.release.web import WebStore, _Redirects
from m4corpus.snapshot import Snapshot, open_snapshot, verify
from m4corpus.sources import hubrequests

SECRET = "s3cr3t/+token"
QUERY = "token=s3cr3t%2F%2Btoken&part=1"


@dataclass
class Site:
    """A server of one folder. ``asked`` are the requests, as address, range and authorization; ``endless`` is a path
    that is answered for ever; ``faults`` what the next answers are, a status, or minus the bytes after which the
    connection ends; ``needs`` a query without which everything is refused."""

    root: Path
    port: int = 0
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    endless: str = ""
    sent: int = 0
    faults: list[int] = field(default_factory=list)
    needs: str = ""
    ranges: bool = True
    echo: str = ""
    agents: set[str] = field(default_factory=set)


class Handler(SimpleHTTPRequestHandler):
    """Serves ranges too, as real servers do."""

    def __init__(self, *arguments: Any, site: Site) -> None:
        self.site = site
        super().__init__(*arguments)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        site = self.site
        path, _, query = self.path.partition("?")
        wanted = self.headers.get("Range", "")
        site.asked.append((self.path, wanted, self.headers.get("Authorization", "")))
        site.agents.add(self.headers.get("User-Agent", ""))
        if path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", unquote(path.removeprefix("/to/").rpartition("/")[0]))
            self.end_headers()
            return
        if site.needs and query != site.needs:
            self.send_error(403, f"not with {query} {site.echo}")
            return
        if site.endless and path.endswith(site.endless):
            self._for_ever()
            return
        fault = site.faults.pop(0) if site.faults and not path.endswith("release.json") else 0
        if fault > 0:
            self.send_response(fault, f"no: {query}")
            self.end_headers()
            return
        file = site.root / path.removeprefix("/data/")
        if not file.is_file():
            self.send_error(404, "nothing here")
            return
        content = file.read_bytes()
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and site.ranges else 0
        if start > len(content) or (start == len(content) and start):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:][:fault] if fault else content[start:])
        self.close_connection = True

    def _for_ever(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            # Far more than any file here has, and no more, lest a pull that takes it all fill the disk.
            for _ in range(3000):
                self.wfile.write(b"x" * 65536)
                self.site.sent += 65536
        except OSError:
            pass


@pytest.fixture
def site(release: Made, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(hubrequests, "WAIT", 0.001)
    served = Site(release[0])
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, site=served)) as server:
        served.port = server.server_port
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield served
        server.shutdown()


def at(site: Site, query: str = "", user: str = "") -> str:
    return f"http://{user}127.0.0.1:{site.port}/data/" + (f"?{query}" if query else "")


def test_a_pull_over_http(site: Site, snapshot: Snapshot, tmp_path: Path) -> None:
    pull(store_of(at(site)), tmp_path)
    got = open_snapshot("small", tmp_path)
    assert answers(got) == answers(snapshot)
    assert list(verify(got)) == []
    assert got.manifest["origin"] == f"http://127.0.0.1:{site.port}/data"


def test_a_query_goes_with_every_request_and_nowhere_else(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    site.needs = QUERY
    site.faults = [503, -7]
    done = CliRunner().invoke(cli, ["pull", at(site, QUERY, "me:pa55word@"), "--workdir", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    assert all(path.endswith(f"?{QUERY}") and "//" not in path for path, _, _ in site.asked)
    assert {given for _, _, given in site.asked} == {"Basic " + base64.b64encode(b"me:pa55word").decode()}
    assert json.loads(done.stdout)["origin"] == f"http://127.0.0.1:{site.port}/data"
    written = b"".join(tree(tmp_path).values()).decode("latin-1")
    for secret in ("s3cr3t", "pa55word", "part=1"):
        assert secret not in done.output + done.stderr + caplog.text + written


@pytest.mark.parametrize("faults", [[403], [400], [500] * 9, [418]])
def test_errors_do_not_tell_it(site: Site, tmp_path: Path, faults: list[int]) -> None:
    """Not even where the server says it again."""
    site.faults = faults * 9
    with pytest.raises((UserError, EnvironmentFailure)) as caught:
        pull(store_of(at(site, QUERY, "me:pa55word@")), tmp_path)
    assert f"127.0.0.1:{site.port}/data: {faults[0]}" in caught.value.message
    site.needs, site.echo = "other", SECRET
    with pytest.raises(UserError, match="403") as refused:
        pull(store_of(at(site, QUERY)), tmp_path)
    assert "expired" in refused.value.hint
    for said in (caught, refused):
        assert "s3cr3t" not in str(said.value)
        assert "pa55word" not in str(said.value)
        assert said.value.__cause__ is None


@pytest.mark.parametrize("bad", ["https://", "https://me:pa55word@/x", "http://host:port9/?token=s3cr3t"])
def test_an_address_that_is_none_is_not_repeated(bad: str) -> None:
    with pytest.raises(UserError) as caught:
        store_of(bad)
    assert "s3cr3t" not in str(caught.value)
    assert "pa55word" not in str(caught.value)


def test_no_server_at_all(site: Site, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailure, match="Connection refused") as caught:
        pull(store_of("http://127.0.0.1:1/x?token=s3cr3t"), tmp_path)
    assert "s3cr3t" not in str(caught.value)
    with pytest.raises(UserError, match="within addresses"):
        store_of("simplecache::https://host/x?token=s3cr3t")


def test_a_file_without_end_is_stopped_at_the_size_that_was_stated(site: Site, release: Made, tmp_path: Path) -> None:
    file = release[1].of("chunks")[0]
    site.endless = file.path
    with pytest.raises(IntegrityError, match=f"longer than {file.size:,} bytes"):
        pull(store_of(at(site)), tmp_path)
    assert not list(tmp_path.rglob(f"{file.sha256}*"))
    assert not list(tmp_path.rglob("manifest.json"))
    # No more left the server than what the connection holds.
    assert site.sent < 30_000_000


def test_a_manifest_without_end_is_stopped(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "LARGEST_MANIFEST", 100_000)
    site.endless = "release.json"
    with pytest.raises(IntegrityError, match=r"release\.json .* longer than 100,000 bytes"):
        pull(store_of(at(site)), tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size > 1000]


@pytest.mark.parametrize("protocol", ["memory", "directory"])
def test_every_place_is_held_to_it(release: Made, tmp_path: Path, protocol: str) -> None:
    store: Store = LocalStore(release[0])
    if protocol == "memory":
        import fsspec

        place, root = fsspec.core.url_to_fs(f"memory://{tmp_path.name}")
        place.put(str(release[0]), root, recursive=True)
        store = FsspecStore(f"memory://{tmp_path.name}")
    size = (release[0] / "release.json").stat().st_size
    store.fetch("release.json", tmp_path / "whole", size)
    with pytest.raises(IntegrityError, match="longer than"):
        store.fetch("release.json", tmp_path / "part", size - 1)
    assert not (tmp_path / "part").exists()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_transfer_goes_on(site: Site, release: Made, tmp_path: Path, ranges: bool) -> None:
    """Where the server can begin in the middle, and where it cannot."""
    file = max(release[1].files, key=lambda one: one.size)
    site.faults, site.ranges = [-100, 503, -10], ranges
    WebStore(at(site)).fetch(file.path, tmp_path / "got", file.size)
    assert (tmp_path / "got").read_bytes() == (release[0] / file.path).read_bytes()
    begun = f"bytes={file.size - 100}-"
    assert [wanted for _, wanted, _ in site.asked][:3] == ["", begun, begun]
    # Rubbish that is as long as the file, or longer, is no beginning of it.
    for more in (b"", b"x"):
        (tmp_path / "got").write_bytes(b"y" * file.size + more)
        WebStore(at(site)).fetch(file.path, tmp_path / "got", file.size)
        assert (tmp_path / "got").read_bytes() == (release[0] / file.path).read_bytes()


def test_certificates_are_checked(site: Site, release: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1"
    key, own = tmp_path / "key.pem", tmp_path / "own.pem"
    subprocess.run([*command.split(), "-keyout", key, "-out", own], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own, key)
    site.needs = QUERY
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, site=site)) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        store = store_of(f"https://127.0.0.1:{server.server_port}/data?{QUERY}")
        with pytest.raises(EnvironmentFailure, match="self-signed") as caught:
            store.fetch("release.json", tmp_path / "got", 1 << 20)
        assert "SSL_CERT_FILE" in caught.value.hint
        assert site.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(own))
        store.fetch("release.json", tmp_path / "got", 1 << 20)
        server.shutdown()
    assert (tmp_path / "got").read_bytes() == (release[0] / "release.json").read_bytes()


def test_a_redirect_is_followed_with_our_name_and_without_the_password(site: Site, tmp_path: Path) -> None:
    there = quote(f"http://localhost:{site.port}/data/release.json", safe="")
    store = WebStore(f"http://me:pa55word@127.0.0.1:{site.port}/to/{there}")
    store.fetch("release.json", tmp_path / "got", 1 << 20)
    assert [bool(given) for _, _, given in site.asked] == [True, False]
    assert site.agents == {"m4corpus"}


@pytest.mark.parametrize("to", ["ftp://127.0.0.1:1/x", "file:///etc/passwd"])
def test_a_redirect_off_the_web_is_refused_at_once(site: Site, tmp_path: Path, to: str) -> None:
    store = WebStore(f"http://127.0.0.1:{site.port}/to/{quote(to, safe='')}")
    with pytest.raises(UserError, match=r"302"):
        store.fetch("release.json", tmp_path / "got", 1 << 20)
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    ("before", "after", "followed"),
    [("https", "http", False), ("https", "https", True), ("http", "https", True), ("http", "http", True)],
)
def test_a_redirect_does_not_leave_https(before: str, after: str, followed: bool) -> None:
    def follow() -> Any:
        request = Request(f"{before}://127.0.0.1/x")
        return _Redirects().redirect_request(request, BytesIO(), 302, "", Message(), f"{after}://127.0.0.1/y")

    if followed:
        assert follow().full_url == f"{after}://127.0.0.1/y"
    else:
        with pytest.raises(HTTPError, match="from https to http"):
            follow()


def test_what_is_not_there(site: Site, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"/data has no nothing\.json"):
        WebStore(at(site, QUERY)).fetch("nothing.json", tmp_path / "x", 10)
