"""The addresses of this server, the one by which a caller reached it, and the caller's own, also through a proxy.

What a sender says about itself (Host, and X-Forwarded-Host from anyone but a trusted proxy) never makes an address this server's own,
except in a sandbox that admits everyone.
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from heliograph.domain.agent_app import gives_agents
from heliograph.domain.web_address import HTTP, WebAddress, is_loopback_name, read_web_address
from heliograph.protojson.errors import InvalidArgument

Network = IPv4Network | IPv6Network
Scope = Mapping[str, Any]

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
ANY_ORIGIN = "*"


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks, as in `10.0.0.5` or `10.0.0.0/8`.  Raises: InvalidArgument."""
    networks = []
    for text in texts:
        try:
            networks.append(ip_network(text, strict=False))
        except ValueError:
            raise InvalidArgument(f"{text[:64]!r} is not an address or network: write one such as 10.0.0.5 or 10.0.0.0/8.") from None
    return tuple(networks)


def parse_public_urls(texts: Iterable[str]) -> tuple[WebAddress, ...]:
    """Addresses of a server, as in `https://amapi.example.com`.  Raises: InvalidArgument."""
    return tuple(_public_url(text) for text in texts)


def parse_origins(texts: Iterable[str]) -> tuple[str, ...]:
    """Origins of web pages as browsers send them, and `*`.  Raises: InvalidArgument."""
    return tuple(ANY_ORIGIN if text == ANY_ORIGIN else _origin(text) for text in texts)


def _public_url(text: str) -> WebAddress:
    address = read_web_address(text)
    if address is None or address.rest or address.scheme not in HTTP:
        raise InvalidArgument(
            f"{text[:128]!r} is not the address of a server: write scheme, host and port only, as in https://amapi.example.com."
        )
    return address


def _origin(text: str) -> str:
    address = read_web_address(text)
    if address is None or address.rest:
        raise InvalidArgument(
            f"{text[:128]!r} is not the origin of a web page: write scheme, host and port only, as in https://console.example.com, or *."
        )
    return address.origin


class Addresses:
    """Finds the addresses; trusts `X-Forwarded-Proto`, `-Host` and `-For` only from known proxies.

    This server's own addresses are `public_urls`, and the one that the socket is bound to, by its loopback names too. Without
    `public_urls`, what a trusted proxy says is one of them.
    """

    def __init__(self, trusted_proxies: Iterable[str] = (), public_urls: Iterable[str] = (), *, any_name: bool = False) -> None:
        """`any_name`: every name that callers write is this server's, too.

        Raises: InvalidArgument: not an address or network; not an address of a server.
        """
        self._any_name = any_name
        self._trusted = parse_networks(trusted_proxies)
        self._public = parse_public_urls(public_urls)

    def of(self, scope: Scope) -> str:
        """The address by which the caller reached this server, without a slash at its end: `https://amapi.example.com`.

        If the caller wrote one that is not known here, the first of this server's own; followed by the path under which the server
        stands (ASGI's root_path), if it has one. Safe to quote in JSON and HTML.
        """
        return self._reached_by(scope).origin + _below(scope)

    def for_phones(self, scope: Scope) -> str:
        """The address that phones are given: the caller's, unless only another one is reached from everywhere.

        An admin may call by http or a loopback name, from which no phone takes an agent; then it is the first public URL from which
        phones do.
        """
        by_caller = self._reached_by(scope)
        address = next((address for address in (by_caller, *self._public) if gives_agents(address)), by_caller)
        return address.origin + _below(scope)

    def for_browsers(self, near: str) -> str:
        """The address at which people sign in: the first public URL with https; without one, `near` (of this very machine) by its name.

        By its name, since browsers keep passkeys for `localhost`, and for no number.
        """
        by_https = next((public for public in self._public if public.scheme == "https"), None)
        here = read_web_address(near)
        if by_https is not None or here is None:
            return by_https.origin if by_https else near
        return here._replace(host="localhost").origin if is_loopback_name(here.host) else here.origin

    def _reached_by(self, scope: Scope) -> WebAddress:
        asked = self._asked(scope)
        if asked is not None:
            named = [public for public in self._public if public.authority == asked.authority]
            if named:
                return next((public for public in named if public.scheme == asked.scheme), named[0])
            if is_loopback_name(asked.host) or asked.host == _bound(scope).host or self._caller_decides(scope):
                return asked
        return (self._public or (_bound(scope),))[0]

    def own_urls(self, scope: Scope) -> frozenset[str]:
        """The addresses for which a caller may have signed a token; those without TLS with either scheme, for a proxy may speak it."""
        own = {public.origin for public in self._public}
        bound = _bound(scope)
        for host in {bound.host, *LOOPBACK}:
            own |= set(_with_either_scheme(host, bound.port))
        asked = self._asked(scope)
        if asked is not None and self._caller_decides(scope):
            own |= {f"{scheme}://{asked.authority}" for scheme in HTTP}
        below = _below(scope)
        return frozenset(origin + below for origin in own)

    def is_own_name(self, host: str, scope: Scope) -> bool:
        """Whether a request may name this host: a loopback name, the bound address, or that of a public URL."""
        return self._any_name or is_loopback_name(host) or host == _bound(scope).host or any(public.host == host for public in self._public)

    def is_own_origin(self, origin: str) -> bool:
        """Whether a page of this origin is this server's, by a public URL."""
        return any(public.origin == origin for public in self._public)

    def of_client(self, scope: Scope) -> str:
        """The IP address of the sender of the request; behind trusted proxies, the one they give. Empty: unknown."""
        client = scope.get("client")
        peer: str = client[0] if client else ""
        if not self._trusted:
            return peer
        said = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
        for hop in reversed(said.split(",")):
            if not self._trusts(peer):
                break
            peer = hop.strip() or peer
        return peer

    def written_host(self, scope: Scope) -> str:
        """The host (and port) that the caller asked for, as it wrote it: not this server's until somebody says so."""
        return self.forwarded_host(scope) or dict(scope["headers"]).get(b"host", b"").decode("latin-1")

    def forwarded_host(self, scope: Scope) -> str:
        """The host that a trusted proxy was asked for; empty: no trusted proxy forwarded the request, or it does not say."""
        if not self._from_trusted(scope):
            return ""
        # The last of several values: the trusted proxy wrote that one, anyone may have sent those before it.
        return _last(dict(scope["headers"]).get(b"x-forwarded-host"))

    def _asked(self, scope: Scope) -> WebAddress | None:
        """The address that the caller wrote, or that the proxy says it wrote; None: it is not an address."""
        headers = dict(scope["headers"])
        scheme, host = str(scope["scheme"]), headers.get(b"host", b"").decode("latin-1")
        if self._from_trusted(scope):
            scheme = _last(headers.get(b"x-forwarded-proto")) or scheme
            host = self.forwarded_host(scope) or host
        address = read_web_address(f"{scheme if scheme in HTTP else 'http'}://{host}")
        return address if address is not None and not address.rest else None

    def _caller_decides(self, scope: Scope) -> bool:
        """Whether an unknown name is this server's: a trusted proxy says so, or any name is."""
        return self._any_name or (not self._public and self._from_trusted(scope))

    def _from_trusted(self, scope: Scope) -> bool:
        return bool(self._trusted) and self._trusts(str((scope.get("client") or ("", 0))[0]))

    def _trusts(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._trusted)


def _below(scope: Scope) -> str:
    """The path under which the server stands; empty: none."""
    return str(scope.get("root_path", ""))


def _bound(scope: Scope) -> WebAddress:
    """The address on which the connection arrived: the socket says so, and no sender can."""
    host, port = scope.get("server") or ("localhost", None)
    bound = read_web_address(f"http://[{host}]:{port}" if ":" in str(host) else f"http://{host}:{port}") if port else None
    return bound or WebAddress("http", "localhost", int(port or 0), "")


def _with_either_scheme(host: str, port: int) -> Iterator[str]:
    for scheme in HTTP:
        # The port that is the scheme's own may be written or not; 0 stands for 80, as the bound address is http.
        yield f"{scheme}://{host}:{port or 80}"
        if (scheme, port or 80) in {("http", 80), ("https", 443)}:
            yield f"{scheme}://{host}"


def _last(value: bytes | None) -> str:
    return value.decode("latin-1").rpartition(",")[2].strip() if value else ""
