"""What an operator may set, frozen once the server starts. Read from the command line; nothing here touches the disk or a socket."""

import enum
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from heliograph.api.http.address import parse_networks, parse_origins, parse_public_urls
from heliograph.domain.agent_app import AgentApp
from heliograph.protojson.errors import InvalidArgument
from heliograph.service.limits import HttpLimits, Limits

if TYPE_CHECKING:
    from heliograph.openid.client import OpenIdClient

DEFAULT_PORT = 8080
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:]*)(:[0-9]+)?")
"""Of a database's address, which may name several: the one that is the primary is taken."""

_CONTACT = re.compile(r"(?:(?:mailto:[^@\s]+@|https://)[^@\s]{1,253})?")
"""Source: RFC 8292 §2.1."""


class Admission(enum.Enum):
    """Who may call the API (docs/sign-in.md)."""

    KEYS = "keys"
    """Callers sign in with a key made by `heliograph keys create`."""
    STRANGERS = "strangers"
    """They are admitted, and everyone may do everything: the sandbox."""
    UNCHECKED = "unchecked"
    """No check: `--no-auth`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one server process runs."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    """0: any free port."""
    data_dir: Path
    """Holds the key, the operator's file and, without `database_url`, `heliograph.db` with its lock and WAL."""
    database_url: str = field(default="", repr=False)
    """`postgresql://…`: a PostgreSQL database that other servers may share; it may hold a password. Empty: SQLite in `data_dir`."""
    key_file: Path | None = None
    """The key that seals secrets; None: `heliograph.key` in the data directory, mode 0600. All servers of a database have the same."""
    adopt_key: bool = False
    """Whether a database that was used with another key, which is lost, takes this one."""
    new: bool = False
    """Whether a database is made although there is a key file already, with which one was used."""
    durable: bool = True
    """Whether SQLite's file survives a power cut: every commit waits for the disk. Not needed if the file ends with the process."""
    store_waits_most_s: float = 1.0
    """How long a request waits for the store before it is refused with 503 (`WAITS_MOST_S` of the store)."""
    limits: Limits = field(default_factory=Limits)
    http: HttpLimits = field(default_factory=HttpLimits)
    """What connections may cost."""
    agent: AgentApp | None = None
    """What the server gives to phones that are set up by QR code; None: nothing."""
    expose_enterprises: bool = False
    """Whether the 403 for an unknown enterprise names those that exist here (the sandbox's friendliness)."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose X-Forwarded-Proto and X-Forwarded-Host are trusted."""
    public_urls: tuple[str, ...] = ()
    """This server's addresses as clients write them, as in `https://amapi.example.com`, besides the one that it is bound to."""
    any_name: bool = False
    """Whether every host name that a caller writes is this server's."""
    cors_origins: tuple[str, ...] = ()
    """Origins of web pages that may call the API from a browser, as in `https://console.example.com`; `*`: all."""
    admission: Admission = Admission.KEYS
    """Who may call; other than KEYS only on a loopback address."""
    push_endpoint: str = ""
    """An http or https URL that receives every notification that an enterprise enabled; empty: no endpoint."""
    push_allow_networks: tuple[str, ...] = ()
    """Networks that enterprises' push endpoints may be in besides public addresses; by http, too."""
    pubsub: bool = False
    """Whether notifications go to the enterprises' Pub/Sub topics."""
    openid: "OpenIdClient | None" = None
    """The identity provider that people sign in with; None: they have passkeys."""
    audit_witnesses: tuple[str, ...] = ()
    """Files and URLs that get the audit trail's checkpoints; a URL may hold a token."""
    session_idle_minutes: int = 60
    """How long a person's session lasts without a request."""
    session_hours: int = 12
    """How long it lasts at most; then the person signs in again."""
    web_push: bool = True
    """Whether phones that gave a subscription are woken through their push services."""
    web_push_contact: str = ""
    """What push services are given to reach this server's operator by: a mailto: or https: URL; empty: the first https public URL."""
    hot_lane: bool = True
    """Whether the methods that are called most go a shorter way (api/hot_lane.py)."""
    log_commands: bool = False
    """Whether every step of every command is a line in the log, at level debug."""
    drain_s: int = 0
    """After a signal, how long the server keeps serving while not ready: a load balancer needs time to notice."""
    shutdown_s: int = 10
    """After that, how long it may take to end: requests in progress are answered, connections closed, the store closed."""

    def __post_init__(self) -> None:
        """Raises: InvalidArgument: an invalid proxy, network, public URL, origin or contact, before anything is opened."""
        parse_networks(self.trusted_proxies)
        parse_networks(self.push_allow_networks)
        parse_public_urls(self.public_urls)
        parse_origins(self.cors_origins)
        if not _CONTACT.fullmatch(self.web_push_contact):
            raise InvalidArgument("The contact for push services must be a mailto: or https: URL, as in mailto:ops@example.com.")

    @property
    def database(self) -> Path:
        return self.data_dir / "heliograph.db"

    @property
    def key(self) -> Path:
        return self.key_file or self.data_dir / "heliograph.key"


def database_url(given: str) -> str:
    """The address of a PostgreSQL as given; empty: SQLite.  Raises: InvalidArgument: neither; what was given is not repeated."""
    scheme, _, rest = given.partition("://")
    hosts = rest.partition("/")[0].partition("?")[0].rpartition("@")[2].split(",")
    fits = not given or (scheme in {"postgresql", "postgres"} and all(map(_HOST.fullmatch, hosts)))
    if not fits:
        raise InvalidArgument("The database must be an address as in postgresql://user@host:5432/name; leave it out for SQLite.")
    return given


def require_loopback(host: str, *, otherwise: str) -> None:
    """Refuse an address that others reach; `otherwise` says what to do instead of listening on loopback.

    Raises: InvalidArgument: it is not a loopback address; if callers need no key, anyone who reaches the port could wipe every phone.
    """
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        message = (
            f"Cannot listen on {host}: callers need no key here, so only loopback addresses are allowed. "
            f"Use --host 127.0.0.1, or {otherwise}."
        )
        raise InvalidArgument(message)
