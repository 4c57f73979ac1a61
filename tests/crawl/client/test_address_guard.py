from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hostile import Hostile, answer, fetch, hasty, redirect

from m4corpus.crawl.client import Client, Robots
from m4corpus.crawl.client.guard import Guard
from m4corpus.crawl.messages import Failed, Request


@pytest.fixture
def second() -> Iterator[Hostile]:
    """A server on a loopback address of its own, the only one that may be fetched from."""
    with Hostile(host="127.0.0.2") as running:
        yield running


ONLY_SECOND = ("127.0.0.2/32",)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.251",
        "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "168.63.129.16",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fec0::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
        "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1",
        "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_closed(address: str) -> None:
    assert not Guard().permits(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "198.35.26.96", "2620:0:863:ed1a::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"],
)
def test_public_addresses_are_open(address: str) -> None:
    assert Guard().permits(address)


def test_only_the_networks_allowed_are_opened() -> None:
    guard = Guard(["127.0.0.2/32", "fd00::/8"])
    assert guard.permits("127.0.0.2")
    assert guard.permits("::ffff:127.0.0.2")
    assert guard.permits("fd12::1")
    assert not guard.permits("127.0.0.1")
    assert not guard.permits("::ffff:127.0.0.1")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0", "[::1]", "[::ffff:127.0.0.1]", "127。0。0。1"],
)
def test_nothing_reaches_loopback_unless_allowed(host: str) -> None:
    with Hostile() as server:
        server.on("/", answer())
        with pytest.raises(Failed) as caught:
            fetch(hasty(allow=()), f"http://{host}:{server.port}/")
        assert caught.value.slug in ("private-address", "bad-url")
        assert not caught.value.transient
        assert server.seen == []


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:{port}/secret", "http://localhost:{port}/secret", "http://169.254.169.254/latest/meta-data/"],
)
def test_a_redirect_into_private_address_space_is_not_followed(second: Hostile, target: str) -> None:
    with Hostile() as secret:
        secret.on("/secret", answer("password"))
        url = second.on("/", redirect(target.format(port=secret.port)))
        with pytest.raises(Failed) as caught:
            fetch(hasty(allow=ONLY_SECOND), url)
        host = target.split("/")[2].partition(":")[0]
        assert (caught.value.slug, caught.value.detail) == ("private-address", f"host={host}")
        assert not caught.value.transient
        assert secret.seen == []
    assert second.count("/") == 1


def test_robots_of_a_private_redirect_target_are_not_fetched_either(second: Hostile) -> None:
    second.on("/", redirect("http://127.0.0.1:9/secret"))

    async def main() -> None:
        async with Client(hasty(allow=ONLY_SECOND)) as client:
            await client.get(Request("page", second.url("/")), allowed=Robots(client.get).check)

    with pytest.raises(Failed, match="private-address"):
        asyncio.run(main())


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let a name server answer so for ``name.test``, the last for ever; returns the names that were asked for."""
    real = socket.getaddrinfo
    asked: list[str] = []

    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host != "name.test":
            return real(host, port, *args, **options)
        asked.append(host)
        addresses = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_the_address_that_was_checked_is_connected_to(second: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = names(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])
    second.on("/", answer())
    with Hostile(port=second.port) as secret:
        fetch(hasty(allow=ONLY_SECOND), f"http://name.test:{second.port}/")
        assert secret.seen == []
    assert asked == ["name.test"]
    assert second.seen[0].headers["host"] == f"name.test:{second.port}"


def test_a_name_is_checked_anew_for_every_connection(second: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])
    url = second.on("/", answer(status=503)).replace("127.0.0.2", "name.test")
    with Hostile(port=second.port) as secret:
        with pytest.raises(Failed, match="private-address"):
            fetch(hasty(allow=ONLY_SECOND), url)
        assert secret.seen == []


def test_of_several_addresses_only_those_permitted_are_tried(second: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, ["127.0.0.1", "127.0.0.3", "127.0.0.2"])
    second.on("/", answer())
    with Hostile(port=second.port) as secret:
        # Nobody listens on 127.0.0.3: the next address is tried.
        config = hasty(allow=("127.0.0.2/31",))
        assert fetch(config, f"http://name.test:{second.port}/").status == 200
        assert secret.seen == []
