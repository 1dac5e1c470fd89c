"""A reservation of a phone: a lease that its holder keeps alive, and after which the phone waits for its reset.

A phone is known by its serial number: a reset makes it another device. There is one record for each phone; it stays after the
reservation has ended, since it holds the phone's last fencing token, and when the phone must have been reset.

A lease ends by itself: nothing is written then. What reads it compares the time (server time) with `expires_us`.
"""

import enum

import msgspec

from heliograph.domain.device import DeviceRecord, position
from heliograph.domain.names import DeviceName, ReservationName
from heliograph.protojson.errors import Aborted, FailedPrecondition, InvalidArgument, PermissionDenied

DEFAULT_LEASE_S = 300
"""Longer than a phone's restart, short enough that a crashed test holds up others for a coffee at most."""
LEASE_S = range(10, 86_401)
"""A day: a holder that needs longer is alive to say so."""
OWNER_MAX_CHARS = 200
REASON_MAX_CHARS = 1_000


class ReservationState(enum.Enum):
    """How a reservation stands."""

    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    """Its holder was not heard from in time."""
    RELEASED = "RELEASED"
    FORCED = "FORCED"
    """Someone else ended it, with a reason."""


class Ended(enum.Enum):
    """How a reservation was ended before its time."""

    RELEASED = "RELEASED"
    FORCED = "FORCED"


class Reserved(FailedPrecondition):
    """The phone is reserved."""

    reason = "RESERVED"


class ResetPending(FailedPrecondition):
    """The phone was not reset since its last reservation ended: heliograph lab reset."""

    reason = "RESET_PENDING"


class NotReservable(FailedPrecondition):
    """The device reported no serial number, so it could not be recognized after its reset."""

    reason = "NO_SERIAL_NUMBER"


class ReservationLost(Aborted):
    """The reservation has ended, or the phone was reserved again since: stop using the phone, and reserve one again."""

    reason = "RESERVATION_LOST"


class NotTheHolder(PermissionDenied):
    """Another account holds this reservation. To end it all the same, release it with force and a reason."""

    reason = "NOT_THE_HOLDER"


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """The last reservation of one phone."""

    name: ReservationName
    device: DeviceName
    """What the phone was when it was reserved."""
    account: str
    """The caller who reserved it; empty on a server where no one signs in."""
    owner: str
    """What it is for, in the caller's words."""
    fencing_token: int
    """1, 2, 3, …: each reservation of a phone has a greater one than all before."""
    created_us: int
    expires_us: int
    ended: Ended | None = None
    ended_us: int = 0
    reason: str = ""
    """Why it was ended by force."""

    @property
    def position(self) -> str:
        """The phone's place in lists: the one that was reserved first ever comes first of those reserved at one time."""
        return position(self.created_us, self.name.serial)

    def state(self, now_us: int) -> ReservationState:
        if self.ended is not None:
            return ReservationState(self.ended.value)
        return ReservationState.ACTIVE if now_us < self.expires_us else ReservationState.EXPIRED

    def end_us(self, now_us: int) -> int | None:
        """When it ended; None: it has not."""
        if self.ended is not None:
            return self.ended_us
        return None if now_us < self.expires_us else self.expires_us


def lease_us(seconds: int) -> int:
    """Raises: InvalidArgument: a lease of so many seconds is too short or too long."""
    if seconds not in LEASE_S:
        raise InvalidArgument(f"duration must be {LEASE_S.start}s to {LEASE_S.stop - 1}s; without one it is {DEFAULT_LEASE_S}s.")
    return seconds * 1_000_000


def reserve(before: Reservation | None, device: DeviceRecord, *, account: str, owner: str, lease: int, now_us: int) -> Reservation:
    """A new reservation of the device's phone, with the next fencing token; `lease` in microseconds.

    Raises: Reserved; ResetPending: the device is the one that the phone was before the last reservation ended.
    """
    if before is not None:
        end_us = before.end_us(now_us)
        if end_us is None:
            raise Reserved(
                f"{device.name} is reserved{f' by {before.owner}' if before.owner else ''}. Wait until it is released or expires, "
                "or release it with force and a reason.",
                metadata={"reservation": str(before.name)},
            )
        if device.enrollment_us <= end_us:
            raise ResetPending(
                f"{device.name} was not reset since its last reservation ended: heliograph lab reset makes it a new device.",
                metadata={"reservation": str(before.name)},
            )
    return Reservation(
        name=ReservationName(device.name.enterprise, device.serial),
        device=device.name,
        account=account,
        owner=owner,
        fencing_token=before.fencing_token + 1 if before is not None else 1,
        created_us=now_us,
        expires_us=now_us + lease,
    )


def keep(before: Reservation, *, account: str, fencing_token: int, lease: int, now_us: int) -> Reservation:
    """The holder is alive: the lease ends so much later than now.  Raises: NotTheHolder, ReservationLost."""
    _require_held(before, account=account, fencing_token=fencing_token, now_us=now_us)
    return msgspec.structs.replace(before, expires_us=now_us + lease)


def release(before: Reservation, *, account: str, fencing_token: int, now_us: int) -> Reservation:
    """The holder gives the phone up. Once more changes nothing.  Raises: NotTheHolder, ReservationLost."""
    if (before.ended, before.fencing_token, before.account) == (Ended.RELEASED, fencing_token, account):
        return before
    _require_held(before, account=account, fencing_token=fencing_token, now_us=now_us)
    return msgspec.structs.replace(before, ended=Ended.RELEASED, ended_us=now_us)


def release_by_force(before: Reservation, *, reason: str, now_us: int) -> Reservation:
    """Its holder has lost the phone. One that has ended stays as it is."""
    if before.end_us(now_us) is not None:
        return before
    return msgspec.structs.replace(before, ended=Ended.FORCED, ended_us=now_us, reason=reason)


def _require_held(before: Reservation, *, account: str, fencing_token: int, now_us: int) -> None:
    if before.account != account:
        raise NotTheHolder
    if before.fencing_token != fencing_token or before.end_us(now_us) is not None:
        raise ReservationLost
