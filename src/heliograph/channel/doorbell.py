"""The doorbell between the verbs and the connections of this process."""

from heliograph.channel.peers import Peers
from heliograph.domain.names import DeviceName


class ChannelDoorbell:
    """A `ports.Doorbell`: whoever serves the device looks into the store at once. Rung on the event loop only."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    def ring(self, device: DeviceName) -> None:
        peer = self._peers.find(device)
        if peer is not None and peer.link is not None:
            peer.link.wake()

    def policy_changed(self, device: DeviceName) -> None:
        peer = self._peers.find(device)
        if peer is not None:  # else it is not connected, and is told when it is
            peer.policy_news = True
            if peer.link is not None:
                peer.link.wake()
