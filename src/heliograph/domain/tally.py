"""What an actor did in the last hour, counted in the transaction of the deed: two deeds at once never both take the last place."""

from collections.abc import Collection
from typing import NamedTuple

import msgspec

HOUR_US = 3_600 * 1_000_000
MOST = 1_000
"""The highest limit: a tally holds each of the hour's deeds, and is written whole with every one."""


class TallyName(NamedTuple):
    """Whose deeds, and which."""

    actor: str
    what: str
    """DESTROYED, or the line of a role."""


DESTROYED = "destroyed"
"""Distinct devices that were wiped, relinquished or deleted."""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The deeds of the last hour, oldest first."""

    name: TallyName
    deeds: tuple[tuple[str, int], ...]
    """Each device, and when (us)."""
    expires_us: int
    """When the last one is an hour old."""


class Full(NamedTuple):
    """No place is left."""

    used: int
    free_at_us: int
    """When as many places as were asked for are free again."""


def counted(tally: Tally | None, name: TallyName, devices: Collection[str], *, most: int, distinct: bool, now_us: int) -> Tally | Full:
    """The tally with these devices, which have at most `most` places in any hour; the same object if nothing changed.

    `distinct`: a device takes one place an hour.
    """
    deeds = () if tally is None else tuple(deed for deed in tally.deeds if deed[1] > now_us - HOUR_US)
    known = {device for device, _ in deeds} if distinct else frozenset[str]()
    new = [device for device in devices if device not in known]
    if tally is not None and not new:
        return tally  # nothing to write
    if len(deeds) + len(new) > most:
        needed = min(len(deeds) + len(new) - most, len(deeds))
        return Full(len(deeds), deeds[needed - 1][1] + HOUR_US if needed else now_us + HOUR_US)
    deeds += tuple((device, now_us) for device in new)
    return Tally(name=name, deeds=deeds, expires_us=(deeds[-1][1] if deeds else now_us) + HOUR_US)


def used_of(tally: Tally | None, now_us: int) -> int:
    """How many places are taken now."""
    return 0 if tally is None else sum(at_us > now_us - HOUR_US for _, at_us in tally.deeds)
