"""Shows why a command is stuck: whether its phone is connected, and when it was last heard."""

from collections.abc import Callable, Mapping

from heliograph.channel.peers import HTTP_CONNECTION_LINGERS_US, HttpConnection, Peers
from heliograph.domain.names import DeviceName
from heliograph.service.ports import Sighting, Whereabouts


class ChannelPresence:
    """A `ports.Presence` over the connections of this process."""

    def __init__(self, peers: Peers, now_us: Callable[[], int]) -> None:
        self._peers = peers
        self._now_us = now_us

    @property
    def draining(self) -> bool:
        """Whether the server stops: soon its phones are sent away, or they were already."""
        return self._peers.stopping

    def transports(self) -> Mapping[str, int]:
        """How many devices wait for offers now, or were heard over HTTP a moment ago."""
        since_us = self._now_us() - HTTP_CONNECTION_LINGERS_US
        return self._peers.count_transports(since_us)

    def connected(self, device: DeviceName) -> bool:
        """Whether the device waits for offers now, or was heard over HTTP a moment ago."""
        peer = self._peers.find(device)
        if peer is None:
            return False
        if peer.link is not None:
            return True
        return isinstance(peer.connection, HttpConnection) and self._now_us() - peer.last_seen_us <= HTTP_CONNECTION_LINGERS_US

    async def sighting(self, device: DeviceName) -> Sighting:
        """Where the device is, as the only server knows it."""
        return Sighting(Whereabouts.HERE if self.connected(device) else Whereabouts.NOWHERE, self.last_seen_us(device))

    def last_seen_us(self, device: DeviceName) -> int:
        """When the device said something last; 0: not since this server process started."""
        peer = self._peers.find(device)
        return peer.last_seen_us if peer else 0
