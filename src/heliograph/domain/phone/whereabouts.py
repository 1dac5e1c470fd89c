"""Where a virtual phone is: always the same for one serial number and time, and never where it was a minute before."""

import functools
import hashlib
import math
from typing import NamedTuple

from heliograph.domain.phone.virtual_device import VirtualDevice

TOWN = (52.5200, 13.4050)
"""All phones walk about here: latitude and longitude of Berlin."""
TOWN_DEGREES = 0.05
"""How far from it, north or south, east or west, a walk may have its middle."""
METRES_PER_DEGREE = 111_320.0
"""Of latitude."""
STRIDES = ((420.0, 3_600.0), (80.0, 640.0))
"""A walk is a sum of circles: radius in metres, seconds for one round. At most 1.5 m/s: a phone in a pocket."""
DIGITS = 6
"""Of a degree: 10 cm."""


class Location(NamedTuple):
    """Degrees.  Source: disc, Location."""

    latitude: float
    longitude: float


def location_of(phone: VirtualDevice, now_us: int) -> Location:
    """Where the phone is at this time."""
    chance = _chance(phone.serial)
    north, east = (TOWN_DEGREES * (2 * byte / 255 - 1) for byte in chance[:2])
    latitude, longitude = TOWN[0] + north, TOWN[1] + east
    for (radius, round_s), byte in zip(STRIDES, chance[2:], strict=False):
        turn = 2 * math.pi * (now_us / 1_000_000 / round_s + byte / 256)
        latitude += radius * math.sin(turn) / METRES_PER_DEGREE
        longitude += radius * math.cos(turn) / (METRES_PER_DEGREE * math.cos(math.radians(TOWN[0])))
    return Location(round(latitude, DIGITS), round(longitude, DIGITS))


@functools.lru_cache(maxsize=1_024)
def _chance(serial: str) -> bytes:
    return hashlib.sha256(f"walk of {serial}".encode()).digest()
