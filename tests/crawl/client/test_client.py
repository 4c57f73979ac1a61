from __future__ import annotations

import asyncio
import gzip
import json
import ssl
import subprocess
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import hostile
import pytest
from hostile import Hostile, answer, fetch, hasty, redirect

from m4corpus.crawl.client import Client, HostDown, content
from m4corpus.crawl.messages import Failed, Request, Response, Retry

HTML = ("text/html",)


@pytest.fixture
def server() -> Iterator[Hostile]:
    with Hostile() as running:
        yield running


def failure(*args: object, **options: object) -> Failed:
    with pytest.raises(Failed) as caught:
        fetch(*args, **options)  # type: ignore[arg-type]
    return caught.value


def test_an_answer_is_returned_as_it_came(server: Hostile) -> None:
    body = gzip.compress(b"<p>kites</p>")
    url = server.on("/kites", answer(body, Content_Encoding="gzip", X_Spelled="AsIs"))
    sent: list[tuple[tuple[str, str], ...]] = []
    response = fetch(hasty(), Request("page", url + "#top", HTML), sink=lambda _1, _2, headers: sent.append(headers))
    assert (response.url, response.status, response.body) == (url, 200, body)
    assert ("X-Spelled", "AsIs") in response.headers
    assert response.protocol == "HTTP/1.1"
    assert datetime.strptime(response.fetched_at, "%Y-%m-%dT%H:%M:%SZ")
    assert content(response, 1000) == b"<p>kites</p>"
    assert {name.lower(): value for name, value in sent[0]} == server.seen[0].headers


def test_every_request_says_who_asks_and_takes_what_can_be_decoded(server: Hostile) -> None:
    server.on("/a", redirect("/b"))
    server.on("/b", answer(status=503), answer())
    fetch(hasty(), server.url("/a"))
    assert len(server.seen) == 3
    for seen in server.seen:
        assert seen.headers["user-agent"].startswith("m4corpus/")
        assert "(crawl@example.org)" in seen.headers["user-agent"]
        assert seen.headers["accept-encoding"] == "gzip, deflate"


def test_no_cookie_is_kept(server: Hostile) -> None:
    server.on("/set", answer("", 302, Location="/next", Set_Cookie="session=1; Path=/"))
    server.on("/next", answer())
    fetch(hasty(), server.url("/set"))
    assert "cookie" not in server.seen[1].headers


def test_proxies_of_the_environment_are_not_used(server: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert fetch(hasty(), server.on("/", answer())).status == 200


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_waited_for(server: Hostile, status: int, form: str) -> None:
    date = datetime.now(UTC).replace(microsecond=0)
    value = "1" if form == "seconds" else format_datetime(date + timedelta(seconds=1), usegmt=True)
    busy = answer("", status, Retry_After=value, Date=format_datetime(date, usegmt=True))
    url = server.on("/busy", busy, answer())
    troubles: list[tuple[str, str, float]] = []
    fetch(hasty(), url, events=lambda *trouble: troubles.append(trouble))
    first, second = server.seen
    assert 1.0 <= second.at - first.at < 2.5
    assert troubles == [("127.0.0.1", "rate-limited" if status == 429 else "http-status", 1.0)]


def test_retry_after_pauses_every_request_to_the_host(server: Hostile) -> None:
    server.on("/busy", answer("", 429, Retry_After="1"), answer())
    server.on("/other", answer())

    async def main() -> None:
        async with Client(hasty()) as client:
            busy = asyncio.create_task(client.get(Request("page", server.url("/busy"))))
            while not server.seen:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            await client.get(Request("page", server.url("/other")))
            await busy

    asyncio.run(main())
    assert {seen.path for seen in server.seen[1:]} == {"/busy", "/other"}
    assert all(seen.at - server.seen[0].at >= 1.0 for seen in server.seen[1:])


def test_a_server_that_asks_for_too_long_loses_the_request_and_is_left_alone(server: Hostile) -> None:
    url = server.on("/later", answer("", 429, Retry_After="86400"))
    start = time.monotonic()
    failed = failure(hasty(max_wait=60), url)
    assert (failed.slug, failed.detail, failed.transient) == ("retry-later", "status=429", True)
    assert time.monotonic() - start < 10  # the server asked for a day, the config waits a minute
    assert server.count("/later") == 1


def test_servers_that_ask_for_too_long_again_and_again_stop_the_crawl(server: Hostile) -> None:
    url = server.on("/later", answer("", 503, Retry_After="86400"))

    async def main() -> None:
        async with Client(hasty(max_wait=0.05, patience=3)) as client:
            for _ in range(2):
                with pytest.raises(Failed, match="retry-later"):
                    await client.get(Request("page", url))
            with pytest.raises(HostDown):
                await client.get(Request("page", url))

    asyncio.run(main())


@pytest.mark.parametrize(
    ("bad", "slug", "detail"),
    [
        (answer(status=500), "http-status", "status=500"),
        (answer(status=503), "http-status", "status=503"),
        (answer(status=408), "http-status", "status=408"),
        (answer(status=429), "rate-limited", "status=429"),
        (hostile.reset, "connection", "closed without a response"),
        (hostile.NOTHING, "connection", "closed without a response"),
        (hostile.NOT_HTTP, "bad-response", "not HTTP"),
        (hostile.CUT_SHORT, "truncated-body", ""),
        (hostile.CUT_CHUNK, "truncated-body", ""),
        (hostile.after(9, answer()), "timeout", "read"),
        (hostile.dribble(hostile.HEAD + b"Content-Length: 9999\r\n\r\n", b"x"), "timeout", "total"),
        (hostile.dribble(hostile.HEAD, b"X-Drop: 1\r\n"), "timeout", "total"),
    ],
    ids=[
        "500", "503", "408", "429", "reset", "nothing", "not-http", "half-length", "half-chunk", "silence", "slow-body",
        "slow-head",
    ],
)  # fmt: skip
def test_trouble_is_tried_again_then_reported(server: Hostile, bad: hostile.Behaviour, slug: str, detail: str) -> None:
    config = hasty(read_timeout=0.2, total_timeout=0.35)
    assert fetch(config, server.on("/once", bad, answer("well"))).body == b"well"
    assert server.count("/once") == 2

    failed = failure(config, server.on("/always", bad))
    assert (failed.slug, failed.detail, failed.transient) == (slug, detail, True)
    assert server.count("/always") == config.politeness.attempts


def test_nobody_listening_is_a_connection_failure() -> None:
    with Hostile() as gone:
        url = gone.url("/")
    failed = failure(hasty(), url)
    assert (failed.slug, failed.detail, failed.transient) == ("connection", "not established", True)


def test_a_name_without_address_is_a_connection_failure() -> None:
    failed = failure(hasty(attempts=1), "http://no-such-name.invalid/")
    assert (failed.slug, failed.detail, failed.transient) == ("connection", "the name has no address", True)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 204, 206, 304])
def test_other_statuses_are_final(server: Hostile, status: int) -> None:
    failed = failure(hasty(), server.on("/gone", answer("", status)))
    assert (failed.slug, failed.detail, failed.transient) == ("http-status", f"status={status}", False)
    assert server.count("/gone") == 1


def test_only_accepted_media_types_are_answers(server: Hostile) -> None:
    url = server.on("/file", answer(type="Application/PDF; x=y"), answer(type=""), answer(type="Text/HTML; charset=x"))
    assert str(failure(hasty(), Request("page", url, HTML)).args) == "('content-type', 'application/pdf')"
    assert failure(hasty(), Request("page", url, HTML)).detail == "none"
    assert fetch(hasty(), Request("page", url, HTML)).status == 200
    assert server.seen[0].headers["accept"] == "text/html, */*;q=0.1"


@pytest.mark.parametrize(
    "big",
    [answer(bytes(2_000_000)), hostile.endless, hostile.bomb(50)],
    ids=["declared", "endless", "gzip-bomb"],
)
def test_bodies_are_capped_as_sent_and_decoded(server: Hostile, big: hostile.Behaviour) -> None:
    failed = failure(hasty(), server.on("/big", big))
    assert (failed.slug, failed.detail, failed.transient) == ("too-large", "bytes>1000000", False)
    assert server.count("/big") == 1


def test_codings_are_undone_whatever_their_number_and_faults_named(server: Hostile) -> None:
    twice = answer(gzip.compress(zlib.compress(b"kite")), Content_Encoding="deflate, gzip")
    assert content(fetch(hasty(), server.on("/twice", twice)), 100) == b"kite"
    broken = answer(gzip.compress(b"kite")[:-6], Content_Encoding="gzip")
    assert failure(hasty(), server.on("/broken", broken)).slug == "bad-encoding"
    strange = answer(b"kite", Content_Encoding="compress")
    assert failure(hasty(), server.on("/strange", strange)).slug == "unsupported-encoding"


def test_redirects_are_followed_and_each_hop_is_kept(server: Hostile) -> None:
    server.on("/1", redirect("/2", 301))
    server.on("/2", redirect("3?q=kite%20s#part", 308))
    server.on("/3?q=kite%20s", answer("here"))
    kept: list[tuple[str, int]] = []
    asked: list[str] = []

    async def allowed(url: str) -> None:
        asked.append(url)

    request = Request("page", server.url("/1"))
    response = fetch(
        hasty(), request, sink=lambda r, answer, _: kept.append((answer.url, answer.status)), allowed=allowed
    )
    assert (response.url, response.body) == (server.url("/3?q=kite%20s"), b"here")
    assert kept == [(server.url("/1"), 301), (server.url("/2"), 308), (server.url("/3?q=kite%20s"), 200)]
    assert asked == [server.url("/2"), server.url("/3?q=kite%20s")]


def test_a_redirect_that_is_not_allowed_is_not_followed(server: Hostile) -> None:
    async def allowed(url: str) -> None:
        raise Failed("robots-denied", url)

    failed = failure(hasty(), server.on("/1", redirect("/2")), allowed=allowed)
    assert (failed.slug, failed.detail) == ("robots-denied", server.url("/2"))
    assert server.count("/2") == 0


def test_redirects_end(server: Hostile) -> None:
    server.on("/a", redirect("/b"))
    server.on("/b", redirect("/a#again"))
    assert failure(hasty(), server.url("/a")).slug == "redirect-loop"
    for number in range(9):
        server.on(f"/{number}", redirect(f"/{number + 1}"))
    server.on("/9", answer())
    failed = failure(hasty(), server.url("/0"))
    assert (failed.slug, failed.detail) == ("too-many-redirects", "redirects>5")
    assert server.count("/5") == 1
    assert server.count("/6") == 0
    assert fetch(hasty(), server.url("/4")).status == 200


@pytest.mark.parametrize(
    "location", ["", "ftp://example.org/x", "file:///etc/passwd", "http://me:secret@example.org/", "http://[1::x]/"]
)
def test_bad_locations_are_refused_and_kept(server: Hostile, location: str) -> None:
    kept: list[int] = []
    url = server.on("/", redirect(location))
    assert failure(hasty(), url, sink=lambda _1, response, _2: kept.append(response.status)).slug == "bad-redirect"
    assert kept == [302]


def test_a_location_need_not_be_ascii(server: Hostile) -> None:
    server.on("/", answer("", 302).replace(b"\r\n", "\r\nLocation: /café\r\n".encode(), 1))
    server.on("/caf%C3%A9", answer("here"))
    assert fetch(hasty(), server.url("/")).body == b"here"


@pytest.mark.parametrize(
    "url", ["ftp://example.org/", "http://me:secret@example.org/", "/x", "http:///x", "http://a:b/"]
)
def test_bad_addresses_are_refused(url: str) -> None:
    assert failure(hasty(), url).slug == "bad-url"


def test_a_judge_may_ask_for_another_try(server: Hostile) -> None:
    lag = answer(json.dumps({"error": {"code": "maxlag"}}), type="application/json", Retry_After="1")
    url = server.on("/api?q=1&maxlag=5", lag, answer('{"ok": 1}', type="application/json"))

    def judge(response: Response) -> None:
        if "error" in json.loads(response.body):
            raise Retry("maxlag", "lagged")

    request = Request("search", server.url("/api?q=1"))
    assert fetch(hasty(), request, judge).body == b'{"ok": 1}'
    assert server.seen[1].at - server.seen[0].at >= 1.0
    server.on("/api?q=1&maxlag=5", lag)
    failed = failure(hasty(attempts=1), request, judge)
    assert (failed.slug, failed.detail, failed.transient) == ("maxlag", "lagged", True)
    assert url.endswith("maxlag=5")


def test_maxlag_is_for_the_action_api(server: Hostile) -> None:
    server.on("/x", answer())
    server.on("/x?maxlag=7", answer())
    fetch(hasty(maxlag=7), Request("page", server.url("/x")))
    fetch(hasty(maxlag=0), Request("parse", server.url("/x")))
    fetch(hasty(maxlag=7), Request("parse", server.url("/x")))
    assert [seen.path for seen in server.seen] == ["/x", "/x", "/x?maxlag=7"]


def test_the_sink_gets_every_complete_response_and_no_other(server: Hostile) -> None:
    kept: list[int] = []
    url = server.on("/", hostile.CUT_SHORT, answer(status=503), answer("", 429), hostile.reset, answer(status=404))
    failure(hasty(attempts=9), url, sink=lambda _1, response, _2: kept.append(response.status))
    assert kept == [503, 429, 404]


def test_a_sink_that_fails_is_no_network_trouble(server: Hostile) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fetch(hasty(), server.on("/", answer()), sink=full)
    assert len(server.seen) == 1


def test_a_host_that_stays_silent_stops_the_crawl(server: Hostile) -> None:
    server.on("/silent", hostile.reset)
    server.on("/fine", answer(status=404))

    async def main() -> None:
        async with Client(hasty(attempts=2, patience=5)) as client:

            async def ask(path: str) -> None:
                await client.get(Request("page", server.url(path)))

            for path in ["/silent", "/silent", "/fine", "/silent", "/silent"]:
                with pytest.raises(Failed):
                    await ask(path)  # a single answer, even 404, shows that the host is there
            with pytest.raises(HostDown) as down:
                await ask("/silent")
            assert "127.0.0.1" in str(down.value)
            assert "run the same command" in down.value.hint
            assert down.value.exit_code == 6
            before = len(server.seen)
            with pytest.raises(HostDown):
                await ask("/fine")
            assert len(server.seen) == before

    asyncio.run(main())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, signed by itself, with its key."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*command.split(), "-keyout", path, "-out", f"{path}.crt"], check=True, capture_output=True)
    with path.open("a") as file:
        file.write(Path(f"{path}.crt").read_text())
    return path


def test_a_certificate_nobody_vouches_for_is_refused(certificate: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with Hostile(tls=context) as server:
        failed = failure(hasty(), server.on("/", answer()))
        assert (failed.slug, failed.transient) == ("tls", False)
        assert "self" in failed.detail
        assert server.seen == []


@pytest.mark.parametrize("status", ["200", "nothing"])
def test_http2_is_spoken_where_it_is_offered(status: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.events import RequestReceived

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = H2Connection(H2Configuration(client_side=False, validate_outbound_headers=False))
        connection.initiate_connection()
        while not reader.at_eof():
            writer.write(connection.data_to_send())
            for event in connection.receive_data(await reader.read(65536)):
                if isinstance(event, RequestReceived):
                    fields = [(b":status", status.encode()), (b"content-type", b"text/html"), (b"x-\xe9", b"\xe9")]
                    connection.send_headers(event.stream_id, fields)
                    connection.send_data(event.stream_id, b"two", end_stream=True)
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")

    async def main() -> Response:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        async with server, Client(hasty()) as client:
            return await client.get(Request("page", f"https://127.0.0.1:{port}/", HTML))

    if status != "200":
        with pytest.raises(Failed) as failed:
            asyncio.run(main())
        assert (failed.value.slug, failed.value.detail) == ("bad-response", "not HTTP")
        return
    response = asyncio.run(main())
    assert (response.protocol, response.body) == ("HTTP/2", b"two")
