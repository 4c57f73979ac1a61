"""A file of a data set on the Hub, read from there: streamed, or by ranges."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from m4corpus.errors import EnvironmentFailure
from m4corpus.ledger import Fail
from m4corpus.sources import hubrequests
from m4corpus.sources.compressed import Pieces
from m4corpus.sources.hub import parse
from m4corpus.sources.hubrequests import first_line, retried, timeout, unreachable

if TYPE_CHECKING:
    import httpx2

    from m4corpus.sources.inventory import SourceFile

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
#: Bytes of a file's beginning that can be looked at again.
_HEAD = 1 << 10
#: Least that is fetched at once where a file is read back and forth.
_WINDOW = 1 << 18


class HubFile:
    """A file of a data set, at its commit; an :class:`streams.Opened`. Nothing is fetched before it is read.

    Reading raises ``Fail`` (``vanished``, ``changed-while-reading``) for what the Hub says of the file, and
    :class:`EnvironmentFailure` when it cannot be reached any more.
    """

    local = False

    def __init__(self, file: SourceFile) -> None:
        from huggingface_hub import hf_hub_url

        name, sha, path = parse(file.native)
        self._url = hf_hub_url(name, path, repo_type="dataset", revision=sha)
        self._size = file.size
        self._stream = Pieces(_fetched(self._url, file.size, 0, file.size))
        self._head: bytes | None = None
        self._ahead = memoryview(b"")
        self._fault: Fail | None = None

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill ``buffer`` with what comes next; 0 at the end."""
        if not self._ahead:
            return self._next(buffer)
        size = min(len(buffer), len(self._ahead))
        buffer[:size] = self._ahead[:size]
        self._ahead = self._ahead[size:]
        return size

    def peek(self, size: int) -> bytes:
        """The first bytes; to be asked for before reading, which may then be done but once."""
        if self._head is None:
            buffer, filled = bytearray(min(_HEAD, self._size)), 0
            while more := self._next(memoryview(buffer)[filled:]):
                filled += more
            self._head = bytes(buffer[:filled])
            self._ahead = memoryview(self._head)
        return self._head[:size]

    def size(self) -> int:
        """Its size in the commit, which every answer is held against."""
        return self._size

    def stamp(self) -> str:
        """The same for ever."""
        return self._url

    def seekable(self) -> BinaryIO:
        """The file by ranges; each reading of more than a little is a request of its own."""
        return cast("BinaryIO", io.BufferedReader(_Ranges(self._url, self._size), _WINDOW))

    def close(self) -> None:
        """End the request, if one is under way."""
        self._stream.close()

    def _next(self, buffer: memoryview) -> int:
        if self._fault is not None:
            raise self._fault
        try:
            return self._stream.readinto(buffer)
        except Fail as fault:
            self._fault = fault  # what has failed has not ended
            raise


class _Ranges(io.RawIOBase):
    """A file read back and forth."""

    def __init__(self, url: str, size: int) -> None:
        super().__init__()
        self._url, self._size, self._position = url, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._position = max(0, offset + (0, self._position, self._size)[whence])
        return self._position

    def readinto(self, buffer: Any) -> int:
        begin = self._position
        for data in _fetched(self._url, self._size, begin, min(begin + len(buffer), self._size)):
            at = self._position - begin
            buffer[at : at + len(data)] = data
            self._position += len(data)
        return self._position - begin


def _fetched(url: str, size: int, start: int, end: int) -> Iterator[bytes]:
    """The bytes from ``start`` to before ``end`` of a file of ``size`` bytes, as they arrive. A transfer that breaks
    off is taken up where it did."""
    import httpx2

    failures = 0
    while start < end:
        try:
            with closing(_response(url, size, start, end)) as response:
                for data in response.iter_raw():
                    data = data[: end - start]
                    start, failures = start + len(data), 0
                    if data:
                        yield data
            if start < end:
                raise httpx2.RemoteProtocolError("the answer ends early")
        except httpx2.TransportError as error:
            failures += 1
            if failures > hubrequests.RETRIES:
                raise unreachable(error) from None
            time.sleep(hubrequests.WAIT * 2 ** (failures - 1))


def _response(url: str, size: int, start: int, end: int) -> httpx2.Response:
    """An answer whose body is those bytes, to be read and closed."""
    import httpx2
    from huggingface_hub import get_session, hf_raise_for_status
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    def ask() -> httpx2.Response:
        headers = {**build_hf_headers(), "accept-encoding": "identity", "range": f"bytes={start}-{end - 1}"}
        session = get_session()
        request = session.build_request("GET", url, headers=headers, timeout=timeout())
        answer = session.send(request, stream=True, follow_redirects=True)
        try:
            hf_raise_for_status(answer)
        except HfHubHTTPError:
            answer.close()
            raise
        return answer

    try:
        answer = retried(ask)
    except HfHubHTTPError as error:
        if error.response.status_code == 404:
            raise Fail("vanished") from None
        raise EnvironmentFailure(
            f"the Hub refuses {url}: {first_line(error)}", "Check the token in HF_TOKEN and run again to resume."
        ) from None
    except httpx2.TransportError as error:
        raise unreachable(error) from None
    try:
        _check(answer, size, start)
    except BaseException:
        answer.close()
        raise
    return answer


def _check(answer: httpx2.Response, size: int, start: int) -> None:
    """Raise for an answer that holds something else than the bytes from ``start`` of a file of ``size`` bytes."""
    given = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
    begin, total = (int(given[1]), int(given[2])) if given else (0, int(answer.headers.get("content-length", size)))
    if total != size:
        raise Fail("changed-while-reading", f"bytes={total} when-listed={size}")
    if begin != start or answer.headers.get("content-encoding", "identity") != "identity":
        raise EnvironmentFailure(
            "the Hub, or a proxy before it, does not answer requests for a part of a file",
            "Download the data set and name its folder as the path of the source.",
        )
