"""A Hub of one's own on loopback: data sets by commit, spoken to by the real client.

It answers what reading a data set asks for: the commit of a revision, the tree of a commit (in pages), and files by
range, those of LFS through a redirect to another host, as the real one does.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

TREE_PAGE = 3


class Request(NamedTuple):
    method: str
    path: str
    range: str
    token: str


@dataclass
class Hub:
    """``repos`` maps a data set to its commits, each with its files; ``branches`` a data set to the names of commits.

    Files of more than ``lfs`` bytes are in LFS. ``faults`` are used up one an answer with a file: a number of bytes
    after which the connection is cut, or an HTTP status.
    """

    port: int = 0
    repos: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    branches: dict[str, dict[str, str]] = field(default_factory=dict)
    lfs: int = 1000
    faults: list[tuple[str, int]] = field(default_factory=list)
    listing_faults: list[int] = field(default_factory=list)
    ranges: bool = True
    requests: list[Request] = field(default_factory=list)
    page: int = TREE_PAGE

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def commit(self, name: str, files: dict[str, bytes], branch: str = "main") -> str:
        """Put files into a data set; returns the commit."""
        sha = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.repos.setdefault(name, {})[sha] = files
        self.branches.setdefault(name, {})[branch] = sha
        return sha

    def fetched(self) -> list[Request]:
        """Requests for content."""
        return [request for request in self.requests if request.path.startswith("/cdn/")]


def blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def entry(hub: Hub, path: str, content: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": blob(content)}
    if len(content) > hub.lfs:
        digest = hashlib.sha256(content).hexdigest()
        found["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 130}
    return found


@contextmanager
def serving(hub: Hub | None = None, handler: type[Handler] | None = None) -> Iterator[Hub]:
    hub = hub or Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (handler or Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        headers = self.headers
        self.hub.requests.append(
            Request(self.command, self.path, headers.get("Range", ""), headers.get("Authorization", ""))
        )
        url = urlsplit(self.path)
        path = unquote(url.path)
        if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/(revision|tree)/([^/]+)(?:/(.+))?", url.path):
            if self.hub.listing_faults:
                self._json(self.hub.listing_faults.pop(0), {"error": "overloaded"})
                return
            self._about(found[1], found[2], unquote(found[3]), unquote(found[4] or ""), parse_qs(url.query))
        elif found := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(found[1], found[2], found[3])
        elif found := re.fullmatch(r"/cdn/([^/]+/[^/]+)/([^/]+)/(.+)", path):
            self._content(self.hub.repos[found[1]][found[2]][found[3]], found[3])
        else:
            self._json(404, {"error": "no such page"})

    def _about(self, name: str, what: str, revision: str, folder: str, query: dict[str, list[str]]) -> None:
        commits = self.hub.repos.get(name)
        if commits is None:
            self._json(401, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return
        sha = self.hub.branches[name].get(revision, revision)
        if sha not in commits:
            self._json(404, {"error": "Invalid rev id"}, {"X-Error-Code": "RevisionNotFound"})
            return
        if what == "revision":
            self._json(200, {"id": name, "sha": sha, "siblings": [], "tags": []})
            return
        files = commits[sha]
        inside = [path for path in sorted(files) if not folder or path.startswith(folder + "/")]
        if not inside:
            self._json(404, {"error": "not found"}, {"X-Error-Code": "EntryNotFound"})
            return
        if query.get("recursive", [""])[0].lower() != "true":
            inside = [path for path in inside if "/" not in path.removeprefix(f"{folder}/" if folder else "")]
        start, page = int(query.get("cursor", ["0"])[0]), self.hub.page
        listing = [entry(self.hub, path, files[path]) for path in inside[start : start + page]]
        listing.insert(0, {"type": "directory", "path": "data.jsonl.d", "oid": "0" * 40, "size": 0})
        more = {}
        if start + page < len(inside):
            address = f"{self.hub.endpoint}{urlsplit(self.path).path}?recursive=True&cursor={start + page}"
            more["Link"] = f'<{address}>; rel="next"'
        self._json(200, listing, more)

    def _resolve(self, name: str, revision: str, path: str) -> None:
        sha = self.hub.branches.get(name, {}).get(revision, revision)
        files = self.hub.repos.get(name, {}).get(sha, {})
        if path not in files:
            self._json(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": sha})
        elif len(files[path]) > self.hub.lfs:
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.hub.port}/cdn/{name}/{sha}/{path}")
            self.send_header("X-Repo-Commit", sha)
            self.send_header("X-Linked-Size", str(len(files[path])))
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(files[path]).hexdigest()}"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._content(files[path], path, {"X-Repo-Commit": sha, "ETag": f'"{blob(files[path])}"'})

    def _content(self, content: bytes, path: str, headers: dict[str, str] | None = None) -> None:
        fault = next((fault for fault in self.hub.faults if fault[0] == path), None)
        if fault:
            self.hub.faults.remove(fault)
            if fault[1] < 0:
                self._json(-fault[1], {"error": "bad"}, {"Retry-After": "0"})
                return
        start, end = 0, len(content)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and self.hub.ranges:
            start, end = int(asked[1]), min(int(asked[2] or end) + 1, end)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(end - start))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        if self.command == "HEAD":
            return
        body = content[start:end]
        self.wfile.write(body[: fault[1]] if fault else body)
        if fault:
            self.close_connection = True

    def _json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
