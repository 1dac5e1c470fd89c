"""What connections may cost; an operator may change most of it (docs/operations.md)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What one connection, one address and all of them may cost."""

    head_max_bytes: int = 32 * 1_024
    header_lines_most: int = 100
    head_s: float = 15.0
    """For a whole head, from the connection or its first byte on."""
    body_s: float = 30.0
    """For a whole body, from its head on."""
    idle_s: float = 75.0
    """Between two requests."""
    held_max_bytes: int = 256 * 1_024 * 1_024
    """Of all requests under way, together."""
    connections_most: int | None = None
    """None: as many as there are file descriptors, but for a reserve."""
    per_address_most: int | None = None
    """None: half of all, loopback and trusted proxies excepted; 0: as many as there are."""
