"""Reservations of phones: made, kept alive, released and read.  The rules are domain/reservation.py's."""

from collections.abc import Callable, Sequence

from heliograph.domain import reservation as rules
from heliograph.domain.names import DeviceName, EnterpriseName, ReservationName
from heliograph.domain.reservation import NotReservable, Reservation
from heliograph.protojson.errors import NotFound
from heliograph.service.devices import get_device
from heliograph.service.not_found import enterprise_absence
from heliograph.service.paging import page_of
from heliograph.service.ports import Decision, Facts, Page, Ports, Put, Rule, Sees
from heliograph.service.record_rules import RecordDecision, RecordRule, Records

Change = Callable[[Reservation, int], Reservation]
"""The reservation as it is to be from this time (us) on."""


async def reserve_device(ports: Ports, device: DeviceName, *, account: str, owner: str, lease_us: int) -> Reservation:
    """The reservation is durable; no one else has the phone until it ends.

    Raises: Reserved, ResetPending, NotReservable; EnterpriseNotAuthorized, DeviceNoLongerManaged, NotFound: no such device.
    """
    found = await get_device(ports, device)
    if not found.serial:
        raise NotReservable
    name = ReservationName(device.enterprise, found.serial)
    return await ports.store.decide(Sees(device=device, records=(name,)), reserving(account=account, owner=owner, lease_us=lease_us))


def reserving(*, account: str, owner: str, lease_us: int) -> Rule[Reservation]:
    """The rule that reserves the phone of the device that it sees, with the phone's last reservation.

    It raises Reserved, ResetPending; NotFound: the device was deleted since.
    """

    def rule(facts: Facts) -> Decision[Reservation]:
        if facts.device is None:
            raise NotFound
        before = facts.record(Reservation)
        made = rules.reserve(before, facts.device, account=account, owner=owner, lease=lease_us, now_us=facts.now_us)
        return Decision(made, (Put(made),))

    return rule


async def heartbeat_reservation(
    ports: Ports, name: ReservationName, *, account: str, fencing_token: int, lease_us: int
) -> Reservation:  # fmt: skip
    """The lease ends so much later than now.  Raises: NotTheHolder, ReservationLost; EnterpriseNotAuthorized, NotFound."""
    return await _changed(
        ports, name, lambda one, now_us: rules.keep(one, account=account, fencing_token=fencing_token, lease=lease_us, now_us=now_us)
    )


async def release_reservation(ports: Ports, name: ReservationName, *, account: str, fencing_token: int) -> Reservation:
    """The holder gave the phone up.  Raises: NotTheHolder, ReservationLost; EnterpriseNotAuthorized, NotFound."""
    return await _changed(ports, name, lambda one, now_us: rules.release(one, account=account, fencing_token=fencing_token, now_us=now_us))


async def force_release(ports: Ports, name: ReservationName, *, reason: str) -> Reservation:
    """Its holder has lost the phone.  Raises: EnterpriseNotAuthorized, NotFound."""
    return await _changed(ports, name, lambda one, now_us: rules.release_by_force(one, reason=reason, now_us=now_us))


async def get_reservation(ports: Ports, name: ReservationName) -> Reservation:
    """The phone's last reservation.  Raises: EnterpriseNotAuthorized, NotFound."""
    found = await ports.store.record(Reservation, name)
    if found is None:
        raise await enterprise_absence(ports, name.parent) or NotFound()
    return found


async def list_reservations(
    ports: Ports, enterprise: EnterpriseName, *, page_size: int | None = None, page_token: str = ""
) -> tuple[Sequence[Reservation], str]:
    """A page of the phones' last reservations, oldest first, and the next page's token.

    Raises: EnterpriseNotAuthorized; InvalidArgument: page size or token.
    """

    async def read(after: str, limit: int) -> Page[Reservation]:
        return await ports.store.records(Reservation, *enterprise, after=after, limit=limit)

    found, next_page_token = await page_of(ports, f"{enterprise}/reservations", read, page_size=page_size, page_token=page_token)
    if not found and (error := await enterprise_absence(ports, enterprise)) is not None:
        raise error
    return found, next_page_token


async def _changed(ports: Ports, name: ReservationName, change: Change) -> Reservation:
    changed = await ports.store.decide_records((name,), changing(name, change))
    if changed is None:
        raise await enterprise_absence(ports, name.parent) or NotFound()
    return changed


def changing(name: ReservationName, change: Change) -> RecordRule[Reservation | None]:
    """The rule that changes the phone's last reservation; it answers None if there is none."""

    def rule(records: Records) -> RecordDecision[Reservation | None]:
        before = records.one(Reservation, name)
        if before is None:
            return RecordDecision(None)
        after = change(before, records.now_us)
        return RecordDecision(after, (Put(after),) if after is not before else ())

    return rule
