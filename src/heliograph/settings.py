"""What an operator may set, frozen once the server starts. Read from the command line; nothing here touches the disk or a socket."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from heliograph.domain.errors import InvalidArgument
from heliograph.service.limits import Limits

DEFAULT_PORT = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one server process runs."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    """0: any free port."""
    data_dir: Path
    """Holds `heliograph.db` with its lock and WAL."""
    key_file: Path | None = None
    """The key that seals secrets; None: `heliograph.key` beside the data directory's database, mode 0600."""
    limits: Limits = field(default_factory=Limits)
    expose_enterprises: bool = False
    """Whether the 403 for an unknown enterprise names those that exist here (the sandbox's friendliness)."""
    shutdown_s: int = 10
    """After a signal, how long requests in flight may take before their connections are cut."""

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data_dir / "heliograph.db"

    @property
    def key(self) -> Path:
        """The key file."""
        return self.key_file or self.data_dir / "heliograph.key"


def require_loopback(host: str) -> None:
    """Nothing happens where `host` is a loopback address.

    Raises: InvalidArgument: it is not; without authentication anybody who reaches the port could wipe every phone.
    """
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        message = (
            f"Cannot listen on {host}: this server does not authenticate callers yet, so it binds loopback addresses only. "
            "Use --host 127.0.0.1 and put a proxy that authenticates in front of it."
        )
        raise InvalidArgument(message)
