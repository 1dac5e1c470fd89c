"""The address by which a caller reached this server, and the caller's own, also through a proxy."""

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from heliograph.domain.errors import InvalidArgument

Network = IPv4Network | IPv6Network

_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_SCHEMES = {"http", "https"}


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks, as in `10.0.0.5` or `10.0.0.0/8`.  Raises: InvalidArgument."""
    networks = []
    for text in texts:
        try:
            networks.append(ip_network(text, strict=False))
        except ValueError:
            raise InvalidArgument(f"{text[:64]!r} is no address or network, as in 10.0.0.5 or 10.0.0.0/8.") from None
    return tuple(networks)


class Addresses:
    """Finds the address; believes `X-Forwarded-Proto`, `-Host` and `-For` only from the proxies it was told of."""

    def __init__(self, trusted_proxies: Iterable[str] = ()) -> None:
        """Raises: InvalidArgument: no address or network."""
        self._trusted = parse_networks(trusted_proxies)

    def of(self, scope: Mapping[str, Any]) -> str:
        """`https://amapi.example.com`, without a slash at its end; safe to quote in JSON and HTML, whatever the caller sent."""
        headers = dict(scope["headers"])
        scheme, host = scope["scheme"], headers.get(b"host", b"").decode("latin-1")
        if self._trusted and self._from_trusted(scope):
            # Of several values the last: that one the trusted proxy wrote, those before it anybody may have sent.
            scheme = _last(headers.get(b"x-forwarded-proto")) or scheme
            host = _last(headers.get(b"x-forwarded-host")) or host
        if not _HOST.fullmatch(host):
            server = scope.get("server") or ("localhost", None)
            host = f"{server[0]}:{server[1]}" if server[1] else str(server[0])
        return f"{scheme if scheme in _SCHEMES else 'http'}://{host}"

    def of_client(self, scope: Mapping[str, Any]) -> str:
        """The IP address of whoever sent the request; through trusted proxies, what they say of it. Empty: nobody knows."""
        peer = str((scope.get("client") or ("", 0))[0])
        said = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
        for hop in reversed(said.split(",")):
            if not self._trusts(peer):
                break
            peer = hop.strip() or peer
        return peer

    def _from_trusted(self, scope: Mapping[str, Any]) -> bool:
        return self._trusts(str((scope.get("client") or ("", 0))[0]))

    def _trusts(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._trusted)


def _last(value: bytes | None) -> str:
    return value.decode("latin-1").rpartition(",")[2].strip() if value else ""
