"""Which addresses notifications may be pushed to: a tenant names the URL, so it must not reach what only this server can reach.

Source: RFC 6890 and IANA's registries of special-purpose addresses (as `ipaddress` knows them); RFC 4291 §2.5.5, RFC 6052, RFC 3056 and
RFC 4380: IPv6 addresses that hold an IPv4 address.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import msgspec

from heliograph.domain.web_address import HTTP, read_web_address

URL_MAX_CHARS = 2_048

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that IANA gives out. The rest of IPv6 is special or unused, and some of it `is_global` (site-local and IPv4-compatible ones)."""
_NAT64 = IPv6Network("64:ff9b::/96")
_LINK_LOCAL = (IPv4Network("169.254.0.0/16"), IPv6Network("fe80::/10"))
"""Clouds keep the machine's credentials there."""


class PushAddresses(msgspec.Struct, frozen=True):
    """Public addresses by https, and those of `networks` by http, too.

    A link-local address is reached only through a network that is itself link-local: a wide one does not mean it.
    """

    networks: tuple[Network, ...] = ()

    def allow(self, text: str, *, plain: bool) -> bool:
        """Whether a connection to this IP address may be opened; `plain`: without TLS. What is not an IP address may not."""
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return False
        return all(self._named(one) or (not plain and _is_public(one)) for one in _meant(address))

    def _named(self, address: Address) -> bool:
        inside = [network for network in self.networks if address in network]
        if any(address in local for local in _LINK_LOCAL):
            inside = [network for network in inside if any(_is_within(network, local) for local in _LINK_LOCAL)]
        return bool(inside)


def wrong_push_url(url: str, addresses: PushAddresses) -> str:
    """What is wrong with a URL that messages shall be pushed to; empty: nothing.

    A name is looked up with each connection (notifications/sessions.py), and not here.
    """
    address = read_web_address(url)
    if address is None or address.scheme not in HTTP or "#" in address.rest or len(url) > URL_MAX_CHARS:
        return "must be an absolute https URL with a plain host, without user and fragment, as in https://emm.example.com/notifications."
    plain = address.scheme == "http"
    if plain and not addresses.networks:
        return "must be an https URL: this server pushes by http only into networks of its option --push-allow-network."
    literal = address.host.strip("[]")
    if not literal.rpartition(".")[2].isdecimal() and ":" not in literal:
        return ""
    if addresses.allow(literal, plain=plain):
        return ""
    return "names an address that this server does not push to: use a public one, or see its option --push-allow-network."


def _is_within(network: Network, other: Network) -> bool:
    return network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast


def _meant(address: Address) -> tuple[Address, ...]:
    """The address, or all that a packet to it may reach: the machine, or a gateway on the way, turns it into one of IPv4."""
    if isinstance(address, IPv4Address):
        return (address,)
    if (mapped := address.ipv4_mapped) is not None:
        return (mapped,)
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFF_FFFF),)
    tunnelled = (*(address.teredo or ()), *((address.sixtofour,) if address.sixtofour is not None else ()))
    return (address, *tunnelled)
