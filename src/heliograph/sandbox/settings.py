"""The settings of a sandbox."""

import enum
from dataclasses import dataclass, field
from pathlib import Path

from heliograph.agent.profiles import PROFILES, Profile
from heliograph.api.http.address import parse_networks, parse_origins, parse_public_urls
from heliograph.domain.agent_app import AgentApp
from heliograph.domain.enterprise import NotificationType
from heliograph.domain.web_address import is_loopback_name
from heliograph.sandbox.fault_messages import FaultWanted
from heliograph.service.limits import HttpLimits, Limits
from heliograph.settings import DEFAULT_PORT

ANY_NETWORK = ("0.0.0.0/0", "::/0")
"""A test's receiver may be anywhere: on this machine, in a container's network. Link-local addresses are still not meant."""


class WorldUrls(enum.Enum):
    """Which address of a world is its `url`."""

    PORT = "port"
    """A port of its own: every client can be given it."""
    PATH = "path"
    """A path below the sandbox's own: where one port is all that others reach, as in a container."""
    BY_HOST = ""
    """A port, where only this machine is answered; a path, where others are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """How one sandbox runs."""

    host: str = "127.0.0.1"
    """A loopback address, unless `allow_anybody`."""
    allow_anybody: bool = False
    """Whether any address may be listened on and any host name is the sandbox's, as in a container: no key protects it."""
    port: int = DEFAULT_PORT
    """0: any free port."""
    data_dir: Path | None = None
    """Keeps operations and devices over restarts; None: they are in memory, and go with the process."""
    enterprises: tuple[str, ...] = ("sandbox",)
    """The ids of the enterprises there are, each with one phone of every profile."""
    phones: tuple[tuple[str, Profile], ...] = tuple(PROFILES.items())
    """The phones of each enterprise: the id that the phone enrols with, and what it is made of."""
    enabled_notification_types: tuple[NotificationType, ...] = ()
    """What each enterprise has enabled at the start."""
    worlds_most: int = 2_000
    """Worlds that there may be at a time besides the one at the sandbox's own address."""
    world_urls: WorldUrls = WorldUrls.BY_HOST
    worlds_idle_s: float = 3_600.0
    """Real time without a request after which a world ends; 0: never."""
    push_endpoints: tuple[str, ...] = ()
    """http or https URLs that get every notification; none: they are shown at /sandbox/v1/notifications only."""
    push_allow_networks: tuple[str, ...] = ANY_NETWORK
    """Networks that enterprises' push endpoints may be in besides public addresses; by http, too."""
    pubsub: bool = False
    """Whether notifications go to the enterprises' Pub/Sub topics too: for Pub/Sub's emulator."""
    faults: tuple[FaultWanted, ...] = ()
    """Faults that its world begins with."""
    public_urls: tuple[str, ...] = ()
    """Addresses of the sandbox besides its loopback ones, as in `http://host.docker.internal:8080`."""
    cors_origins: tuple[str, ...] = ()
    """Origins of web pages that may call it from a browser; `*`: all."""
    agent: AgentApp | None = None
    """The APK that phones are set up with: the sandbox's QR codes and `/agent.apk` are then as a server's."""
    limits: Limits = field(default_factory=Limits)
    http: HttpLimits = field(default_factory=HttpLimits)
    """What connections may cost."""

    @property
    def worlds_have_ports(self) -> bool:
        """Whether each world answers at a port of its own, too."""
        if self.world_urls is WorldUrls.BY_HOST:
            return is_loopback_name(self.host) and not self.public_urls
        return self.world_urls is WorldUrls.PORT

    def __post_init__(self) -> None:
        """Raises: InvalidArgument: an invalid network, public URL or origin."""
        parse_networks(self.push_allow_networks)
        parse_public_urls(self.public_urls)
        parse_origins(self.cors_origins)
