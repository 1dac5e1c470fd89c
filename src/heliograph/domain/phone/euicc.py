"""The embedded SIM chip of a virtual phone: a frozen value and what can be done with it.

Source: GSMA SGP.22 (eUICC, profiles, ports); AOSP EuiccManager, EuiccCardManager.
"""

import msgspec

MICROSECONDS = 1_000_000

# The reference page recommends "a delay of a few minutes between successive executions"; one minute is enough for a test to see what
# happens without it, and short enough to wait for.
DOWNLOADS_APART_US = 60 * MICROSECONDS


class EsimProfile(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One eSIM profile on the chip."""

    icc_id: str = ""
    """Empty in a model: each chip's own."""
    active: bool = False
    managed: bool = False
    """Whether the enterprise added it: only such profiles can be removed by a command."""
    carrier: str = ""
    deletable: bool = True
    """False: the profile's own policy rules forbid to delete it (SGP.22, profile policy rule 2)."""


class Euicc(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The chip: `ports` profiles can be active at once, `capacity` profiles fit into its memory."""

    eid: str = ""
    ports: int = 1
    capacity: int = 8
    carrier_lock: str = ""
    """The only carrier whose profiles the phone accepts; empty: any."""
    profiles: tuple[EsimProfile, ...] = ()
    last_download_us: int | None = None
    """When the last download began."""

    @property
    def active(self) -> tuple[EsimProfile, ...]:
        """The profiles that are active, at most one per port."""
        return tuple(profile for profile in self.profiles if profile.active)

    @property
    def full(self) -> bool:
        """Whether no further profile fits into the memory."""
        return len(self.profiles) >= self.capacity

    def find(self, icc_id: str) -> EsimProfile | None:
        """The profile with this ICC ID, or None."""
        return next((profile for profile in self.profiles if profile.icc_id == icc_id), None)

    def can_activate(self) -> bool:
        """Whether one more profile can become active: a port is free, or the only port's profile is switched."""
        return self.ports == 1 or len(self.active) < self.ports

    def busy(self, now_us: int) -> bool:
        """Whether the last download began so recently that the chip refuses another."""
        return self.last_download_us is not None and 0 <= now_us - self.last_download_us < DOWNLOADS_APART_US

    def downloading(self, now_us: int) -> "Euicc":
        """The chip once a download has begun."""
        return msgspec.structs.replace(self, last_download_us=now_us)

    def add(self, profile: EsimProfile) -> "Euicc":
        """The chip with this profile too; if only one port exists, an active one switches off the other.

        A profile that finds no port, no memory, or itself already there changes nothing: ask `can_activate`, `full`, `find` before.
        """
        if self.full or self.find(profile.icc_id) is not None or (profile.active and not self.can_activate()):
            return self
        stored = msgspec.structs.replace(profile, active=False)
        added = msgspec.structs.replace(self, profiles=(*self.profiles, stored))
        return added.activate(profile.icc_id) if profile.active else added

    def activate(self, icc_id: str) -> "Euicc":
        """The chip with this profile active, as its user or a command would have it; unchanged if no port is free."""
        found = self.find(icc_id)
        if found is None or found.active or not self.can_activate():
            return self
        switched_off = self.ports == 1  # one port: the new profile takes the place of the old one
        return msgspec.structs.replace(
            self,
            profiles=tuple(
                msgspec.structs.replace(profile, active=profile is found or (profile.active and not switched_off))
                for profile in self.profiles
            ),
        )

    def deactivate(self, icc_id: str) -> "Euicc":
        """The chip with this profile kept but switched off."""
        return msgspec.structs.replace(
            self,
            profiles=tuple(
                msgspec.structs.replace(profile, active=False) if profile.icc_id == icc_id else profile for profile in self.profiles
            ),
        )

    def remove(self, icc_id: str) -> "Euicc":
        """The chip without this profile; unchanged if it does not have it."""
        return msgspec.structs.replace(self, profiles=tuple(profile for profile in self.profiles if profile.icc_id != icc_id))

    def without_managed(self) -> "Euicc":
        """The chip without the profiles that the enterprise added: what the end of a work profile may take along."""
        return msgspec.structs.replace(self, profiles=tuple(profile for profile in self.profiles if not profile.managed))

    def disowned(self) -> "Euicc":
        """The chip with all its profiles, none owned by an enterprise any more."""
        return msgspec.structs.replace(self, profiles=tuple(msgspec.structs.replace(profile, managed=False) for profile in self.profiles))

    def erased(self) -> "Euicc":
        """The chip as it left the factory: what a factory reset with the eSIMs leaves."""
        return msgspec.structs.replace(self, profiles=(), last_download_us=None)
