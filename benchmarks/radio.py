"""The radio of a phone on mobile data, as a model: what wakes it, and how long it takes to be reached.

Source: Huang, Qian, Gerber, Mao, Sen, Spatscheck, "A Close Examination of Performance and Power Characteristics of 4G LTE Networks",
MobiSys 2012: the LTE state machine and the timers measured in a commercial network.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Radio:
    """Idle (RRC_IDLE) until a packet comes or goes, then connected (RRC_CONNECTED) until none has for `tail_s`."""

    promotion_s: float
    """From idle to connected."""
    tail_s: float
    """It stays connected so long after the last packet, and draws about as much power as if it sent."""
    paging_cycle_s: float
    """An idle radio listens this often whether the network has something for it."""
    long_drx_s: float
    """A connected radio without packets listens this often."""

    def wake_ups_s(self, packets_s: Sequence[float]) -> list[float]:
        """When it goes from idle to connected, of the times of all packets in their order."""
        return [at_s for before_s, at_s in zip((float("-inf"), *packets_s), packets_s, strict=False) if at_s - before_s > self.tail_s]

    def delay_s(self, *, since_packet_s: float, chance: float) -> float:
        """How long a packet for the phone waits, this long after the one before; `chance` (0 to 1) is where in its cycle the radio is."""
        if since_packet_s <= self.tail_s:
            return self.long_drx_s * chance
        return self.paging_cycle_s * chance + self.promotion_s


LTE = Radio(promotion_s=0.2601, tail_s=11.576, paging_cycle_s=1.28, long_drx_s=0.04)
