"""Web addresses as callers and operators write them, taken only if a browser finds the same host in them as anyone who reads them.

Source: RFC 3986 §3.2; url.spec.whatwg.org (a browser takes a backslash for a slash, and a host that ends in a number for IPv4).
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

HTTP = frozenset({"http", "https"})
HOST_MAX_CHARS = 253  # RFC 1035 §2.3.4, without the root's dot
PORT_MOST = 65_535

_ADDRESS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,31})://(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?#][!-\[\]-~]*)?"
)
"""No user, no backslash, no space, only ASCII."""
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class WebAddress(NamedTuple):
    """Where an address leads to; scheme and host in lower case."""

    scheme: str
    host: str
    """A name, an IPv4 address, or an IPv6 address in brackets."""
    port: int
    """0: not written, or the scheme's own."""
    rest: str
    """Path, query and fragment, as written."""

    @property
    def authority(self) -> str:
        """`emm.example.com:8443`, as browsers write it."""
        return f"{self.host}:{self.port}" if self.port else self.host

    @property
    def own_port(self) -> int:
        """The port that the server listens on; 0: not written, and the scheme has none of its own."""
        return self.port or _DEFAULT_PORTS.get(self.scheme, 0)

    @property
    def origin(self) -> str:
        """`https://emm.example.com:8443`, as browsers send it."""
        return f"{self.scheme}://{self.authority}"


def read_web_address(text: str) -> WebAddress | None:
    """The address; None: it is not absolute, or not every reader finds the same plain host in it."""
    found = _ADDRESS.fullmatch(text)
    if found is None or not is_host(found["host"]):
        return None
    scheme, port = found["scheme"].lower(), int(found["port"] or 0)
    if port > PORT_MOST or (found["port"] is not None and port == 0):
        return None
    return WebAddress(scheme, found["host"].lower(), 0 if port == _DEFAULT_PORTS.get(scheme) else port, found["rest"] or "")


def is_host(text: str) -> bool:
    """Whether this is a plain host: a name, an IPv4 address of four decimal numbers, or an IPv6 address in brackets."""
    if text.startswith("["):
        return text.endswith("]") and _reads_as(IPv6Address, text[1:-1])
    labels = text.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _reads_as(IPv4Address, text)
    return len(text) <= HOST_MAX_CHARS and all(map(_LABEL.fullmatch, labels))


def with_parameter(url: str, name: str, value: str) -> str:
    """The URL with this parameter in its query; one of the same name that it had gives way."""
    parts = urlsplit(url)
    kept = [(other, given) for other, given in parse_qsl(parts.query, keep_blank_values=True) if other != name]
    return urlunsplit(parts._replace(query=urlencode([*kept, (name, value)])))


def is_loopback_name(host: str) -> bool:
    """Whether this host (in lower case, IPv6 in brackets) always means the machine itself.

    Source: RFC 6761 §6.3 (`localhost` and everything below it).
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _reads_as(kind: type[IPv4Address] | type[IPv6Address], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return "%" not in text  # a zone means another interface on every machine
