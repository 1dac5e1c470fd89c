"""The doorbell between the verbs and the connections of this process."""

from heliograph.channel.peers import Peers
from heliograph.domain.names import DeviceName


class ChannelDoorbell:
    """A `ports.Doorbell`: the device's server looks into the store at once. Rung on the event loop only."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    def ring(self, device: DeviceName) -> None:
        peer = self._peers.find(device)
        if peer is not None and peer.link is not None:
            peer.link.wake()

    def rest(self, device: DeviceName) -> None:
        peer = self._peers.find(device)
        if peer is not None and peer.link is not None:
            peer.link.rest()

    def policy_changed(self, device: DeviceName) -> None:
        peer = self._peers.find(device)
        if peer is not None:  # otherwise it is not connected, and learns of it when it connects
            peer.policy_news = True
            if peer.link is not None:
                peer.link.wake()
