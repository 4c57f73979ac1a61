"""The loopback Hub, taking uploads too: repositories, LFS objects, commits with a parent, tags."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from hub_stub import Handler, Hub, Request, blob, entry, serving


@dataclass
class UploadHub(Hub):
    """``objects`` are what LFS holds, by SHA-256, and ``stored`` what has arrived, as often as it did; ``history`` the
    messages of commits by data set.

    ``upload_faults`` are used up one an answer to a request that changes something: a pattern its path must match,
    and an HTTP status, or minus the number of bytes after which the connection is cut. ``before_commit`` is called
    with the number of the commit, counted from 1, before it is made.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    stored: list[str] = field(default_factory=list)
    history: dict[str, list[str]] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    upload_faults: list[tuple[str, int]] = field(default_factory=list)
    before_commit: Any = None
    token: str = ""
    echo: bool = False
    retry_after: str = "0"
    #: Requests that change something after which every other one is refused; -1 for never.
    refuse_after: int = -1
    #: Commits before which ``upload_faults`` at commits wait.
    fail_from: int = 0
    #: Seconds every object takes to arrive, and every content to be sent.
    pause: float = 0
    slow: float = 0
    #: Statuses that answer requests for a file before it is even looked for, used up one by one.
    resolve_faults: list[int] = field(default_factory=list)
    page: int = 1000
    lfs: int = 20_000

    def change(self, name: str, files: dict[str, bytes], message: str, branch: str = "main") -> str:
        """A commit with exactly these files."""
        self.history.setdefault(name, []).append(message)
        sha = hashlib.sha1(repr((sorted(files.items()), len(self.history[name]))).encode()).hexdigest()
        self.repos.setdefault(name, {})[sha] = files
        self.branches.setdefault(name, {})[branch] = sha
        return sha

    def files(self, name: str, revision: str = "main") -> dict[str, bytes]:
        """What a branch, tag or commit holds."""
        return self.repos[name][self.branches[name].get(revision, revision)]

    def sent(self) -> list[Request]:
        """Requests that change something."""
        return [request for request in self.requests if request.method not in ("GET", "HEAD")]

    def uploaded(self) -> list[str]:
        """SHA-256 of every object sent, as often as it was."""
        return [request.path.rpartition("/")[2] for request in self.requests if request.method == "PUT"]


def uploading(hub: UploadHub | None = None) -> AbstractContextManager[Any]:
    """Serve a Hub that takes uploads."""
    return serving(hub or UploadHub(), UploadHandler)


class UploadHandler(Handler):
    hub: UploadHub

    def _content(self, content: bytes, path: str, headers: dict[str, str] | None = None) -> None:
        time.sleep(self.hub.slow)
        super()._content(content, path, headers)

    def _resolve(self, name: str, revision: str, path: str) -> None:
        if self.hub.resolve_faults:
            self._json(self.hub.resolve_faults.pop(0), {"error": "overloaded"}, {"Retry-After": "0"})
        else:
            super()._resolve(name, revision, path)

    def do_POST(self) -> None:
        self._change()

    def do_PUT(self) -> None:
        self._change()

    def do_DELETE(self) -> None:
        self._change()

    def _change(self) -> None:
        hub = self.hub
        token = self.headers.get("Authorization", "")
        hub.requests.append(Request(self.command, self.path, "", token))
        path = urlsplit(self.path).path
        fault = next((fault for fault in hub.upload_faults if re.search(fault[0], path)), None)
        if "/commit/" in path and len(next(iter(hub.history.values()), [])) < hub.fail_from:
            fault = None
        if self.command == "PUT":
            time.sleep(hub.pause)
        if fault:
            hub.upload_faults.remove(fault)
            if fault[1] < 0:  # the connection breaks while the body is on its way
                self.rfile.read(min(-fault[1], int(self.headers.get("Content-Length", 0))))
                self.connection.close()
                self.close_connection = True
                return
        body = self._body()
        if hub.refuse_after >= 0 and len(hub.sent()) > hub.refuse_after:
            fault = ("", 500)
        if fault:
            said = f"bad: {token} and {hub.token}" if hub.echo else "bad"
            self._json(fault[1], {"error": said}, {"Retry-After": hub.retry_after})
        elif hub.token and not path.startswith("/lfs/") and token != f"Bearer {hub.token}":
            self._json(401, {"error": f"Invalid token {token}"})
        else:
            self._answer(path, body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            found = b""
            while size := int(self.rfile.readline(), 16):
                found += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return found
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, path: str, body: bytes) -> None:
        hub = self.hub
        api = r"/api/datasets/([^/]+/[^/]+)"
        if path == "/api/repos/create":
            self._create(json.loads(body))
        elif path == "/api/validate-yaml":
            self._json(200, {"errors": [], "warnings": []})
        elif found := re.fullmatch(rf"{api}/preupload/([^/]+)", path):
            files = json.loads(body)["files"]
            modes = [
                {"path": f["path"], "uploadMode": "lfs" if f["size"] > hub.lfs else "regular", "shouldIgnore": False}
                for f in files
            ]
            self._json(200, {"files": modes})
        elif found := re.fullmatch(r"/datasets/([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            self._json(200, {"transfer": "basic", "objects": [self._object(o) for o in json.loads(body)["objects"]]})
        elif found := re.fullmatch(r"/lfs/([0-9a-f]{64})", path):
            if hashlib.sha256(body).hexdigest() == found[1]:
                hub.objects[found[1]] = body
                hub.stored.append(found[1])
            self._json(200 if found[1] in hub.objects else 400, {})
        elif re.fullmatch(r"/lfs-verify/[0-9a-f]{64}", path):
            self._json(200, {})
        elif found := re.fullmatch(rf"{api}/commit/([^/]+)", path):
            self._commit(found[1], unquote(found[2]), body)
        elif found := re.fullmatch(rf"{api}/paths-info/([^/]+)", path):
            self._paths(found[1], unquote(found[2]), json.loads(body)["paths"])
        elif found := re.fullmatch(rf"{api}/(tag|branch)/([^/]+)", path):
            self._name(found[1], found[2], unquote(found[3]), json.loads(body or b"{}"))
        else:
            self._json(404, {"error": f"no such page: {path}"})

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else asked["name"]
        url = {"url": f"{self.hub.endpoint}/datasets/{name}", "id": name, "name": name}
        if name in self.hub.repos:
            self._json(409, {"error": "You already created this dataset repo", **url})
            return
        self.hub.private[name] = bool(asked.get("private")) or asked.get("visibility") == "private"
        self.hub.change(name, {".gitattributes": b"*.parquet filter=lfs\n"}, "initial commit")
        self._json(200, url)

    def _object(self, asked: dict[str, Any]) -> dict[str, Any]:
        oid = asked["oid"]
        if oid in self.hub.objects:
            return {"oid": oid, "size": asked["size"]}
        actions = {
            "upload": {"href": f"{self.hub.endpoint}/lfs/{oid}", "header": {}},
            "verify": {"href": f"{self.hub.endpoint}/lfs-verify/{oid}", "header": {}},
        }
        return {"oid": oid, "size": asked["size"], "actions": actions}

    def _commit(self, name: str, branch: str, body: bytes) -> None:
        hub = self.hub
        if hub.before_commit is not None:
            hub.before_commit(len(hub.history.get(name, [])))
        lines = [json.loads(line) for line in body.splitlines()]
        header = lines[0]["value"]
        head = hub.branches[name].get(branch)
        if head is None:
            self._json(404, {"error": "Invalid rev id"}, {"X-Error-Code": "RevisionNotFound"})
            return
        if header.get("parentCommit") not in (None, head):
            self._json(412, {"error": "A commit has happened since. Please refresh and try again."})
            return
        files = dict(hub.repos[name][head])
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = hub.objects[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        sha = hub.change(name, files, header["summary"], branch)
        self._json(200, {"commitUrl": f"{hub.endpoint}/datasets/{name}/commit/{sha}", "commitOid": sha})

    def _paths(self, name: str, revision: str, paths: list[str]) -> None:
        sha = self.hub.branches[name].get(revision, revision)
        files = self.hub.repos[name].get(sha, {})
        listing = [entry(self.hub, path, files[path]) for path in paths if path in files]
        folders = [p for p in paths if p not in files and any(f.startswith(p.rstrip("/") + "/") for f in files)]
        listing += [{"type": "directory", "path": path, "oid": blob(path.encode()), "size": 0} for path in folders]
        self._json(200, listing)

    def _name(self, name: str, kind: str, which: str, asked: dict[str, Any]) -> None:
        names = self.hub.branches[name]
        if self.command == "DELETE":
            found = names.pop(which, None)
            self._json(200, {}) if found else self._json(404, {"error": "no"}, {"X-Error-Code": "RevisionNotFound"})
            return
        new = asked["tag"] if kind == "tag" else which
        if new in names:
            self._json(409, {"error": f"{kind} exists"})
            return
        start = which if kind == "tag" else asked.get("startingPoint", "main")
        names[new] = names.get(start, start)
        self._json(200, {})
