"""What every Store must do with reservations: a suite that a backend's test file subclasses, as conformance.py."""

import asyncio

import pytest

from heliograph.domain.names import DeviceName, ReservationName
from heliograph.domain.reservation import (
    Reservation,
    ReservationLost,
    Reserved,
    ResetPending,
    keep,
    release,
    release_by_force,
)
from heliograph.service.ports import Delete, Put, PutDevice, Sees, Store
from heliograph.service.reservations import changing, reserving
from tests.storage.conformance import OpenStore
from tests.storage.records import ENTERPRISE, SECOND_US, START_US, SetClock, device_name, device_record, enterprise_record, write

LEASE_US = 60 * SECOND_US
SERIAL = "R58N12ABCDE"
NAME = ReservationName(ENTERPRISE.enterprise, SERIAL)


async def enrol(store: Store, device: DeviceName, *, at_us: int, serial: str = SERIAL) -> None:
    """The phone is this device now."""
    await store.decide(Sees(), write(PutDevice(device_record(device, enrollment_us=at_us, serial=serial), serial=serial)))


async def reserve(store: Store, device: DeviceName, *, account: str = "ci", name: ReservationName = NAME) -> Reservation:
    """The device's phone is the account's."""
    rule = reserving(account=account, owner="a test", lease_us=LEASE_US)
    return await store.decide(Sees(device=device, records=(name,)), rule)


async def released(store: Store, token: int, *, account: str = "ci") -> Reservation | None:
    """The holder gives it up."""
    rule = changing(NAME, lambda one, now_us: release(one, account=account, fencing_token=token, now_us=now_us))
    return await store.decide_records((NAME,), rule)


class ReservationConformance:
    """The suite."""

    async def test_of_many_who_want_a_phone_at_once_one_gets_it(self, open_store: OpenStore) -> None:
        store = await open_store()
        await enrol(store, device_name(1), at_us=START_US)

        answers = await asyncio.gather(*(reserve(store, device_name(1), account=f"ci{i}") for i in range(8)), return_exceptions=True)

        assert 1 == sum(isinstance(answer, Reservation) for answer in answers)
        assert 7 == sum(isinstance(answer, Reserved) for answer in answers)

    async def test_it_outlives_a_restart_with_its_token(self, open_store: OpenStore) -> None:
        store = await open_store()
        await enrol(store, device_name(1), at_us=START_US)
        held = await reserve(store, device_name(1))

        store = await open_store()

        assert held == await store.record(Reservation, NAME)
        with pytest.raises(Reserved):
            await reserve(store, device_name(1), account="another")
        assert await released(store, held.fencing_token) is not None

    async def test_a_phone_is_given_out_again_after_a_reset_only_and_the_token_grows(self, open_store: OpenStore) -> None:
        clock = SetClock()
        store = await open_store(clock=clock)
        await enrol(store, device_name(1), at_us=clock.now_us())
        first = await reserve(store, device_name(1))
        clock.at_us += SECOND_US
        await released(store, first.fencing_token)
        with pytest.raises(ResetPending):
            await reserve(store, device_name(1))

        clock.at_us += SECOND_US
        await enrol(store, device_name(2), at_us=clock.now_us())
        second = await reserve(store, device_name(2))

        assert (1, 2) == (first.fencing_token, second.fencing_token)
        with pytest.raises(Reserved):
            await reserve(store, device_name(1))

    async def test_a_lease_ends_by_the_servers_time_unless_its_holder_is_heard_from(self, open_store: OpenStore) -> None:
        clock = SetClock()
        store = await open_store(clock=clock)
        await enrol(store, device_name(1), at_us=clock.now_us())
        held = await reserve(store, device_name(1))
        alive = changing(NAME, lambda one, now_us: keep(one, account="ci", fencing_token=1, lease=LEASE_US, now_us=now_us))

        clock.at_us += LEASE_US - 1
        kept = await store.decide_records((NAME,), alive)
        clock.at_us += LEASE_US

        assert kept is not None
        assert held.expires_us + LEASE_US - 1 == kept.expires_us
        with pytest.raises(ReservationLost):
            await store.decide_records((NAME,), alive)

    async def test_who_was_forced_out_has_lost_it(self, open_store: OpenStore) -> None:
        store = await open_store()
        await enrol(store, device_name(1), at_us=START_US)
        held = await reserve(store, device_name(1))

        await store.decide_records((NAME,), changing(NAME, lambda one, now_us: release_by_force(one, reason="hangs", now_us=now_us)))

        with pytest.raises(ReservationLost):
            await released(store, held.fencing_token)
        found = await store.record(Reservation, NAME)
        assert found is not None
        assert "hangs" == found.reason

    async def test_reservations_are_listed_and_go_with_their_enterprise(self, open_store: OpenStore) -> None:
        store = await open_store()
        await store.decide(Sees(), write(Put(enterprise_record())))
        names = [ReservationName(ENTERPRISE.enterprise, f"S{number}") for number in range(3)]
        for number, name in enumerate(names):
            await enrol(store, device_name(number + 1), at_us=START_US, serial=name.serial)
            await reserve(store, device_name(number + 1), name=name)

        page = await store.records(Reservation, ENTERPRISE.enterprise, after="", limit=2)
        rest = await store.records(Reservation, ENTERPRISE.enterprise, after=page.items[-1].position, limit=2)
        await store.decide(Sees(), write(Delete(ENTERPRISE)))

        assert (names, True, False) == ([one.name for one in (*page.items, *rest.items)], page.more, rest.more)
        assert not (await store.records(Reservation, ENTERPRISE.enterprise, after="", limit=2)).items
