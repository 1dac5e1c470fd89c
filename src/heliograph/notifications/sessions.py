"""HTTP sessions to URLs that tenants name: every connection is to an address that may be pushed to, or is not opened.

The address is looked at where the socket is made, so a name that resolves to something else the next time, a number in another
spelling and an IPv4 address inside an IPv6 one are all the same: what is looked at is what is connected to.
"""

import asyncio
import errno
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

from heliograph.domain.push_addresses import PushAddresses

if TYPE_CHECKING:
    import aiohttp

NOT_ALLOWED = errno.EACCES
"""The `errno` of an address that may not be pushed to. The network itself answers so only to broadcasts and firewalled packets."""
KEPT_ALIVE_S = 15.0
HEADERS = {"Content-Type": "application/json", "User-Agent": "Heliograph"}

AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]


def load() -> None:
    """What sessions need is loaded: a server must not stand still for that when its first notification leaves."""
    import aiohttp  # noqa: F401, PLC0415 - not by this module itself: most sandboxes push nothing, and start sooner and smaller without it


class Sessions:
    """One session for https and one for http: the latter reaches allowed networks only."""

    def __init__(self, addresses: PushAddresses | None, *, timeout_s: float) -> None:
        """`addresses`: those that may be pushed to; None: all, since this machine's operator names the URL."""
        self._addresses = addresses
        self._timeout_s = timeout_s
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    def to(self, *, plain: bool) -> "aiohttp.ClientSession":
        """The session; `plain`: for http URLs. No cookie, proxy or password of this machine goes with a request."""
        session = self._sessions.get(plain)
        if session is None:
            import aiohttp  # noqa: PLC0415 - see load

            factory = None if self._addresses is None else partial(_allowed_socket, self._addresses, plain)
            connector = aiohttp.TCPConnector(socket_factory=factory, keepalive_timeout=KEPT_ALIVE_S, limit=0)
            session = self._sessions[plain] = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=self._timeout_s),
                headers=HEADERS,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return session

    async def close(self) -> None:
        """All connections are closed."""
        for session in self._sessions.values():
            await session.close()
        if self._sessions:
            await asyncio.sleep(0)  # aiohttp closes TLS connections in the next turns of the loop


def is_not_allowed(error: BaseException) -> bool:
    """Whether the request failed because the address may not be pushed to."""
    return isinstance(error, OSError) and error.errno == NOT_ALLOWED


def _allowed_socket(addresses: PushAddresses, plain: bool, info: AddressInfo) -> socket.socket:  # noqa: FBT001 - of partial
    """A socket for this address.  Raises: OSError with NOT_ALLOWED."""
    family, kind, protocol, _, address = info
    if not addresses.allow(str(address[0]), plain=plain):
        raise OSError(NOT_ALLOWED, "not an address that this server pushes to")
    return socket.socket(family, kind, protocol)
