"""Where a crawl may go: web addresses, on public machines unless the recipe says otherwise.

A page or a name server decides where a crawler connects to; neither may send it to the machine it runs on, to its
neighbours, or to the address clouds hand out credentials at. Names are therefore resolved here, every address is
judged, and the connection goes to the very address that was judged: a name cannot change its mind in between.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpcore
import httpx
from httpcore import AsyncNetworkBackend, AsyncNetworkStream

from m4corpus.crawl.messages import Failed

Address = IPv4Address | IPv6Address
SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]

#: IPv6 addresses that end in the IPv4 address a gateway translates them to (RFC 6052).
_NAT64 = ip_network("64:ff9b::/96")
#: The host of every Azure machine listens here, in public address space.
_INFRASTRUCTURE = {ip_address("168.63.129.16")}


def web_address(url: str, slug: str = "bad-url") -> httpx.URL:
    """``url`` as it is sent: checked, normalised, without its fragment.

    Raises ``Failed(slug)`` for what is no http(s) address, or carries a user name or password.
    """
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise Failed(slug, f"invalid: {error}") from None
    if address.scheme not in ("http", "https"):
        raise Failed(slug, f"scheme={address.scheme}")
    if not address.host:
        raise Failed(slug, "no host")
    if address.userinfo:
        raise Failed(slug, "holds a user name or password")
    return address.copy_with(fragment=None)


class Guard:
    """Tells public addresses from others; ``allow`` lists networks that are open all the same."""

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._allow = [ip_network(network) for network in allow]

    def permits(self, text: str) -> bool:
        """Whether the IP address ``text`` may be connected to."""
        address = ip_address(text)
        targets = {address, _target(address)}
        if any(target in network for target in targets for network in self._allow):
            return True
        return _public(_target(address))


def _target(address: Address) -> Address:
    """The IPv4 address that packets to an IPv6 address end at, where it embeds one; else ``address``."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None) or address


def _public(address: Address) -> bool:
    return (
        address.is_global
        and not (address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback)
        and not (isinstance(address, IPv6Address) and address.is_site_local)
        and address not in _INFRASTRUCTURE
    )


class GuardedBackend(AsyncNetworkBackend):
    """Opens connections to the addresses ``guard`` permits, and to no others."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> AsyncNetworkStream:
        """Connect to ``host`` within ``timeout`` seconds, trying its addresses in order of preference.

        Raises ``Failed("private-address")`` where none of them is permitted.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._connect(await self._addresses(host, port), port, timeout)
        except TimeoutError:
            raise httpcore.ConnectTimeout from None

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise httpcore.ConnectError("no address") from error
        addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
        permitted = [address for address in addresses if self._guard.permits(address)]
        if not permitted:
            raise Failed("private-address", f"host={host}")
        return permitted

    async def _connect(self, addresses: Sequence[str], port: int, timeout: float | None) -> AsyncNetworkStream:
        # An address that swallows packets leaves time for the next.
        share = None if timeout is None else timeout / len(addresses)
        for address in addresses[:-1]:
            try:
                return await self._plain.connect_tcp(address, port, share)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._plain.connect_tcp(addresses[-1], port, timeout)
