"""The life of a phone's reservations: a lease, its holders, its resets, in any order."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule
from msgspec.structs import replace

from heliograph.domain.device import DeviceRecord
from heliograph.domain.names import DeviceName
from heliograph.domain.reservation import (
    NotTheHolder,
    Reservation,
    ReservationLost,
    ReservationState,
    Reserved,
    ResetPending,
    keep,
    lease_us,
    release,
    release_by_force,
    reserve,
)
from tests.storage.records import START_US, device_record

ACCOUNTS = st.sampled_from(["ci@acme", "ada@acme"])
LEASES = st.integers(10, 600)


class Held:
    """What a holder remembers."""

    def __init__(self, reservation: Reservation) -> None:
        self.account, self.token = reservation.account, reservation.fencing_token


class LifeOfAPhone(RuleBasedStateMachine):
    """One phone, its server's clock, and callers who may be late, mistaken or greedy."""

    held = Bundle("held")

    @initialize()
    def begin(self) -> None:
        self.now_us = START_US
        self.reservation: Reservation | None = None
        self.device = device_record(DeviceName("acme", "d0"), enrollment_us=START_US, serial="S1")
        self.resets = 0
        self.tokens: list[int] = []
        self.ended_us: int | None = None
        """When the last holder lost the phone, by the test's own account."""
        self.until_us = 0

    @rule(seconds=st.integers(1, 900))
    def time_passes(self, seconds: int) -> None:
        self.now_us += seconds * 1_000_000

    @rule()
    def the_phone_is_reset(self) -> None:
        self.resets += 1
        self.device = device_record(DeviceName("acme", f"d{self.resets}"), enrollment_us=self.now_us, serial="S1")

    @rule(target=held, account=ACCOUNTS, lease=LEASES)
    def somebody_reserves(self, account: str, lease: int) -> object:
        taken = self._is_held()
        dirty = self._end_us() is not None and self.device.enrollment_us <= (self._end_us() or 0)
        try:
            made = reserve(self.reservation, self.device, account=account, owner="a test", lease=lease_us(lease), now_us=self.now_us)
        except Reserved:
            assert taken
            return multiple()
        except ResetPending:
            assert dirty
            assert not taken
            return multiple()
        assert not taken
        assert not dirty
        assert all(token < made.fencing_token for token in self.tokens)
        self.tokens.append(made.fencing_token)
        self.reservation, self.ended_us, self.until_us = made, None, self.now_us + lease * 1_000_000
        return Held(made)

    @rule(holder=held, lease=LEASES)
    def a_holder_says_it_lives(self, holder: Held, lease: int) -> None:
        assert self.reservation is not None
        try:
            kept = keep(self.reservation, account=holder.account, fencing_token=holder.token, lease=lease_us(lease), now_us=self.now_us)
        except (ReservationLost, NotTheHolder):
            assert not self._holds(holder)
        else:
            assert self._holds(holder)
            self.reservation, self.until_us = kept, self.now_us + lease * 1_000_000

    @rule(holder=held)
    def a_holder_releases_the_phone(self, holder: Held) -> None:
        assert self.reservation is not None
        held = self._holds(holder)
        try:
            released = release(self.reservation, account=holder.account, fencing_token=holder.token, now_us=self.now_us)
        except (ReservationLost, NotTheHolder):
            assert not held
        else:
            assert held or released is self.reservation
            self.reservation = released
            if held:
                self.ended_us = self.now_us

    @rule()
    def an_admin_ends_it_by_force(self) -> None:
        if self.reservation is None:
            return
        held = self._is_held()
        ended = release_by_force(self.reservation, reason="the job hangs", now_us=self.now_us)

        assert held is (ended is not self.reservation)
        assert (ended.state(self.now_us) is ReservationState.FORCED) or not held
        self.reservation = ended
        if held:
            self.ended_us = self.now_us

    @invariant()
    def its_state_says_whether_somebody_has_it(self) -> None:
        if getattr(self, "reservation", None) is not None:
            assert self.reservation is not None
            assert (self.reservation.state(self.now_us) is ReservationState.ACTIVE) is self._is_held()
            assert self._end_us() == self.reservation.end_us(self.now_us)

    def _is_held(self) -> bool:
        return self.reservation is not None and self._end_us() is None

    def _end_us(self) -> int | None:
        if self.reservation is None or self.ended_us is not None:
            return self.ended_us
        return self.until_us if self.now_us >= self.until_us else None

    def _holds(self, holder: Held) -> bool:
        return (
            self._is_held()
            and holder.token == self.tokens[-1]
            and self.reservation is not None
            and self.reservation.account == holder.account
        )


LifeOfAPhone.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestTheLifeOfAPhonesReservations = LifeOfAPhone.TestCase


def test_the_record_of_another_phone_is_another_record() -> None:
    one, two = (device_record(DeviceName("acme", name), serial=name) for name in ("S1", "S2"))

    made = [reserve(None, device, account="", owner="", lease=lease_us(60), now_us=START_US) for device in (one, two)]

    assert [("acme", "S1"), ("acme", "S2")] == [(one.name.enterprise, one.name.serial) for one in made]


def test_who_releases_twice_hears_the_same() -> None:
    device: DeviceRecord = device_record(DeviceName("acme", "d"), serial="S1")
    held = reserve(None, device, account="ci", owner="", lease=lease_us(60), now_us=START_US)

    once = release(held, account="ci", fencing_token=1, now_us=START_US + 1)

    assert once == release(once, account="ci", fencing_token=1, now_us=START_US + 2)
    assert replace(held, ended=once.ended, ended_us=START_US + 1) == once
