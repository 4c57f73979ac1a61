"""A release behind an ``https://`` address. What its query holds, often a token, goes with every request, and is told
to nobody."""

from __future__ import annotations

import base64
import re
import ssl
import time
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from m4corpus.errors import EnvironmentFailure, UserError
from m4corpus.release.receiving import receive
from m4corpus.release.secrets import scrubbed
from m4corpus.sources import hubrequests

#: Characters of a path that stand for themselves; ``%`` among them, since an address is given as it is sent.
_PLAIN = "/%:@!$&'()*+,;=~"
_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_RANGE = re.compile(r"bytes (\d+)-")


class WebStore:
    """A folder on a web server. No client library logs what it asks for: addresses hold tokens."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host = parts.netloc.rpartition("@")[2]
            if not parts.hostname:
                raise ValueError
            parts.hostname.encode("idna")
            _ = parts.port  # which is checked when it is asked for
        except ValueError:
            raise UserError("that is no address of the web", "Write https://host/folder.") from None
        self._scheme, self._host = parts.scheme.lower(), host
        self._path, self._query = quote(parts.path.rstrip("/"), safe=_PLAIN), quote(parts.query, safe=_PLAIN + "?")
        self._authorization = ""
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if user or password:
            named = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._authorization = f"Basic {named}"
        values = [value for _, value in parse_qsl(parts.query, keep_blank_values=True)]
        found = [parts.query, self._query, password, *values, *(quote(value, safe="") for value in values)]
        # The longest first, so that none is left in part; words of a letter or two would take the message apart.
        self._secrets = sorted({one for one in found if len(one) > 3}, key=lambda one: (-len(one), one))

    @property
    def origin(self) -> str:
        """The address without user, password, query and fragment."""
        return self._clean(urlunsplit((self._scheme, self._host, self._path, "", "")))

    def fetch(self, path: str, target: Path, most: int) -> None:
        """As :meth:`~m4corpus.release.stores.Store.fetch`; tried again where the server fails for a moment."""
        for attempt in range(hubrequests.RETRIES + 1):
            try:
                return self._fetched(path, target, most)
            except _Broken as error:
                if attempt == hubrequests.RETRIES:
                    raise EnvironmentFailure(
                        f"cannot fetch {path} from {self.origin}: {self._clean(str(error))}", "Run it again to resume."
                    ) from None
                time.sleep(min(error.after or hubrequests.WAIT * 2**attempt, 300.0))

    def _fetched(self, path: str, target: Path, most: int) -> None:
        """One attempt, which goes on where the one before ended."""
        have = target.stat().st_size if target.exists() else 0
        if have > most:
            target.unlink()
            have = 0
        try:
            with self._answer(path, have) as answer:
                said = _RANGE.match(answer.headers.get("Content-Range") or "")
                if have and (answer.status != 206 or said is None or int(said[1]) != have):
                    target.unlink()  # it sends the whole of it
                length = answer.headers.get("Content-Length", "")
                got = receive(answer, target, most, f"{path} from {self.origin}")
                if length.isdecimal() and got < int(length):
                    raise _Broken(f"the connection ended after {got} bytes of {length}")
        except HTTPError as error:
            self._refused(error, path, have, target)
        except (HTTPException, TimeoutError, ConnectionError) as error:
            raise _Broken(_line(error)) from None
        except OSError as error:
            reason = getattr(error, "reason", None)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise EnvironmentFailure(
                    f"cannot fetch {path} from {self.origin}: {self._clean(_line(error))}",
                    "Authorities of your own may be trusted as well: SSL_CERT_FILE, SSL_CERT_DIR.",
                ) from None
            # What the disk refuses has a number, and nothing of the network's is of the plain class.
            if error.filename is not None or type(error) is OSError:
                raise
            raise _Broken(_line(error)) from None

    def _answer(self, path: str, have: int) -> HTTPResponse:
        """The open response to a request for a file from its byte ``have`` on."""
        import httpx

        url = urlunsplit((self._scheme, self._host, f"{self._path}/{path}", self._query, ""))
        request = Request(url, headers={"User-Agent": "m4corpus", "Accept-Encoding": "identity"})
        if self._authorization:
            # Another host that it sends us to learns no password.
            request.add_unredirected_header("Authorization", self._authorization)
        if have:
            request.add_header("Range", f"bytes={have}-")
        context = httpx.create_ssl_context() if self._scheme == "https" else None
        opener = build_opener(HTTPSHandler(context=context), _Redirects)
        answer: HTTPResponse = opener.open(request, timeout=hubrequests.timeout())
        return answer

    def _refused(self, error: HTTPError, path: str, have: int, target: Path) -> None:
        """Raise what an answer without content means."""
        with suppress(OSError):
            error.close()
        said = self._clean(f"{error.code} {error.reason}")
        if error.code in (404, 410):
            raise FileNotFoundError(f"{self.origin} has no {path}") from None
        if error.code == 416 and have:
            target.unlink()  # what is here is no beginning of it
            raise _Broken(said) from None
        if error.code in _AGAIN:
            after = error.headers.get("Retry-After") or ""
            raise _Broken(said, float(after) if after.isdecimal() else 0.0) from None
        raise UserError(
            f"cannot fetch {path} from {self.origin}: {said}",
            "Check the address, and that its token has not expired."
            if error.code in (400, 401, 403)
            else "Check the address.",
        ) from None

    def _clean(self, text: str) -> str:
        return scrubbed(text, *self._secrets)


class _Redirects(HTTPRedirectHandler):
    """Follows no redirect that leaves the web, or leads from https to what anybody on the way may read and change."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        """The next request; raises ``HTTPError``, which is told at once and not tried again."""
        before, after = (urlsplit(url).scheme.lower() for url in (req.full_url, newurl))
        if after != "https" and not before == after == "http":
            raise HTTPError(req.full_url, code, f"a redirect from {before} to {after} is not followed", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Broken(Exception):
    """A transfer that may be taken up; ``after`` as many seconds as the server asks for."""

    def __init__(self, said: str, after: float = 0.0) -> None:
        super().__init__(said)
        self.after = after


def _line(error: Any) -> str:
    reason = getattr(error, "reason", None) or error
    return hubrequests.first_line(reason if isinstance(reason, Exception) else error)
