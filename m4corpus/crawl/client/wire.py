"""One request sent and its response read: what can go wrong on the way gets its name here."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime

import httpcore
import httpx

from m4corpus.crawl.client.body import CODINGS
from m4corpus.crawl.client.guard import Guard, GuardedBackend
from m4corpus.crawl.config import CrawlConfig
from m4corpus.crawl.messages import Failed, Response, Retry

Headers = tuple[tuple[str, str], ...]


class Silent(Retry):
    """No response began: the host may be down, or this machine cut off."""


class Wire:
    """The HTTP connections of a crawl. They check certificates always.

    This is httpx's engine without its client, which reads meaning into responses (follows cookies from one to the next,
    fails at a ``Location`` that is no address, before the response can be kept) and into the environment (proxies).
    """

    def __init__(self, config: CrawlConfig, agent: str) -> None:
        self._limits = limits = config.politeness
        self._agent = agent
        self._timeouts = {"connect": limits.connect_timeout, "read": limits.read_timeout, "write": limits.read_timeout}
        self._pool = httpcore.AsyncConnectionPool(
            # Authorities of one's own may be trusted as well: SSL_CERT_FILE, SSL_CERT_DIR.
            ssl_context=httpx.create_ssl_context(),
            max_connections=None,
            keepalive_expiry=30.0,
            http2=True,
            network_backend=GuardedBackend(Guard(config.allow_private)),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def get(self, url: httpx.URL, accept: Sequence[str]) -> tuple[Response, Headers]:
        """The complete response, whatever its status, and the headers that were sent.

        Raises ``Failed`` (``private-address``, ``tls``, ``too-large``) where another try would be no better, else
        ``Retry``: ``connection``, ``bad-response``, ``timeout``, ``truncated-body``.
        """
        headers = (
            ("Host", url.netloc.decode("ascii")),
            ("User-Agent", self._agent),
            ("Accept", ", ".join([*accept, "*/*;q=0.1"]) if accept else "*/*"),
            ("Accept-Encoding", CODINGS),
        )
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        begun = False
        try:
            async with (
                asyncio.timeout(self._limits.total_timeout),
                self._pool.stream("GET", target, headers=headers, extensions={"timeout": self._timeouts}) as answer,
            ):
                begun = True
                body = await self._body(answer)
        # HTTP/2 checks little of what comes in: httpcore trips over a status that is no number.
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError, ValueError) as error:
            raise _trouble(error, begun=begun) from error
        response = Response(
            str(url), answer.status, _pairs(answer), body, started, answer.extensions["http_version"].decode("ascii")
        )
        return response, headers

    async def _body(self, answer: httpcore.Response) -> bytes:
        limit = self._limits.max_bytes
        body = bytearray()
        declared = httpx.Headers(answer.headers).get("Content-Length", "")
        if declared.isdecimal() and float(declared) > limit:
            raise Failed("too-large", f"bytes>{limit}")
        async for piece in answer.aiter_stream():
            body += piece
            if len(body) > limit:
                raise Failed("too-large", f"bytes>{limit}")
        return bytes(body)


def _pairs(answer: httpcore.Response) -> Headers:
    # Byte for byte the same when they are written to the archive.
    def text(part: bytes) -> str:
        return part.decode("utf-8", "surrogateescape")

    return tuple((text(name), text(value)) for name, value in answer.headers)


def _trouble(error: Exception, *, begun: bool) -> Retry | Failed:
    """``error`` in the words of the ledger; ``begun``: the head of the response had arrived."""
    kind = Retry if begun else Silent
    if isinstance(error, httpcore.ConnectTimeout):
        return Silent("timeout", "connect")
    if isinstance(error, httpcore.TimeoutException):
        return kind("timeout", "read")
    if isinstance(error, TimeoutError):
        return kind("timeout", "total")
    certificate = _certificate_error(error)
    if certificate:
        return Failed("tls", certificate.verify_message)
    if begun:
        return Retry("truncated-body")
    if isinstance(error, httpcore.ConnectError):
        named = str(error) == "no address"
        return Silent("connection", "the name has no address" if named else "not established")
    # httpcore wraps the parser's complaints; its own message says that the connection was closed.
    wrapped = isinstance(error, httpcore.ProtocolError) and any(isinstance(part, Exception) for part in error.args)
    if wrapped or isinstance(error, ValueError):
        return Silent("bad-response", "not HTTP")
    return Silent("connection", "closed without a response")


def _certificate_error(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error
