"""What a phone asks for in its hello, and what holds on the connection then."""

from collections.abc import Sequence

from heliograph.protocol import KEEP_ALIVE_LEAST_S, KEEP_ALIVE_MOST_S, VERSION_UNNAMED, VERSIONS, KeepAlive
from heliograph.protojson.errors import InvalidArgument


class VersionNotSpoken(InvalidArgument):
    """The phone and this server speak no version of the protocol in common."""

    reason = "PROTOCOL_VERSION_NOT_SPOKEN"


def agreed_version(phones: Sequence[int], servers: Sequence[int] = VERSIONS) -> int | None:
    """The highest version that both speak; None: the phone names none, and both speak version 1.  Raises: VersionNotSpoken."""
    both = set(phones or (VERSION_UNNAMED,)) & set(servers)
    if both:
        return max(both) if phones else None
    spoken = ", ".join(map(str, servers))
    named = f"This phone speaks {', '.join(map(str, phones[:8]))}" if phones else "This phone names no version, which means version 1"
    message = f"{named}; this server speaks {spoken} of the device protocol. Update the agent or the server."
    raise VersionNotSpoken(message, metadata={"protocolVersions": spoken})


def agreed_keep_alive(asked: KeepAlive, *, most_s: int = KEEP_ALIVE_MOST_S, pinged: bool) -> KeepAlive:
    """What holds: as asked, between 30 s and `most_s`; without `pinged`, the connection has no pings."""
    return KeepAlive(every_s=bounded_s(asked.every_s, most_s), server_pings=asked.server_pings and pinged)


def bounded_s(asked_s: int, most_s: int) -> int:
    """The interval that holds, of one that was asked for."""
    return max(KEEP_ALIVE_LEAST_S, min(asked_s, most_s, KEEP_ALIVE_MOST_S))
