"""What tests plan for one world and look up afterwards: faults, Retry Tests, the request journal, the quota report.

All of it belongs to one world and goes with it; a world that is made again has a new one.
"""

import random
from collections import deque
from typing import Final

import msgspec

from heliograph.agent.executor import Checkpoint, Moment
from heliograph.asgi import Asgi
from heliograph.domain.names import DeviceName
from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.protojson.messages import decode_message, encode_message
from heliograph.sandbox.asked import Asked
from heliograph.sandbox.clock import AdvancingClock
from heliograph.sandbox.fault_checks import PHONE_EFFECTS, effect_of
from heliograph.sandbox.fault_messages import FaultWanted
from heliograph.sandbox.faults import Fault, Faults
from heliograph.sandbox.faults_on_calls import MetApi
from heliograph.sandbox.faults_on_notifications import MetNotifications
from heliograph.sandbox.faults_on_phones import MetPhones
from heliograph.sandbox.notification_log import NotificationLog
from heliograph.sandbox.phones import Phones
from heliograph.sandbox.quota_report import QuotaReport
from heliograph.sandbox.request_journal import RequestJournal
from heliograph.sandbox.retry_test import RetryTests
from heliograph.sandbox.settings import SandboxSettings
from heliograph.sandbox.snapshot import BenchState, FaultState, stand, state_of
from heliograph.sandbox.steering import Steered
from heliograph.server import Between
from heliograph.service.outbox import Publisher, PublishingCounts

BY_HAND_MOST: Final = 200


def _state_of(fault: Fault, *, offline: bool) -> FaultState:
    return FaultState(
        number=fault.number, wanted=msgspec.json.decode(encode_message(fault.wanted)), device=str(fault.device or ""),
        created_us=fault.created_us, met=fault.met, last_met_us=fault.last_met_us, offline=offline,
        chance=state_of(fault.chance) if fault.wanted.share else "",
    )  # fmt: skip


class Bench:
    """See above. `between` goes to the server of the world, `checkpoint` to its phones; `begin` and `close` frame its life."""

    def __init__(self, *, clock: AdvancingClock, seed: str, settings: SandboxSettings, log: NotificationLog, phones: Phones) -> None:
        """`phones`: the world's, by the name that each enrolled under first; `seed` decides shares of calls and ids."""
        self._phones_of_world = phones
        self.faults = Faults(now_us=clock.now_us, seed=seed, phone_of=self.phone_of)
        self.retry_tests = RetryTests(chance=lambda: random.Random(f"{seed} retry tests"))
        self.requests = RequestJournal(now_us=clock.now_us)
        limits = settings.limits
        self.quota = QuotaReport(now_us=clock.now_us, per_minute=limits.quota_per_minute, together=limits.quota_per_project)
        self.by_hand: deque[Asked] = deque(maxlen=BY_HAND_MOST)
        """What people did at pages, as requests: a script of it."""
        self._clock = clock
        self._log = log
        self._body_timeout_s = settings.http.body_s
        self._phones = MetPhones(faults=self.faults, clock=clock, phone=phones.get)
        self._publisher: MetNotifications | None = None
        self.faults.on_delete = self._phones.forget

    @property
    def between(self) -> Between:
        """What stands between the world's server and those it speaks with."""
        return Between(api=self._api, publisher=self._notifications)

    def begin(self, counts: PublishingCounts) -> None:
        """The server is there, and counts so what it publishes."""
        if self._publisher is not None:
            self._publisher.counts = counts

    async def close(self) -> None:
        """Nothing that was planned happens any more."""
        await self._phones.close()

    def state(self) -> BenchState:
        """All of it, but for the quota report."""
        faults = tuple(_state_of(fault, offline=self._phones.keeps_offline(fault)) for fault in self.faults.all())
        retry_tests, retry_chance = self.retry_tests.state()
        requests = tuple(self.requests.records())
        return BenchState(
            faults=faults, faults_last=self.faults.last, requests=requests, requests_last=self.requests.last, retry_tests=retry_tests,
            retry_chance=state_of(retry_chance),
        )  # fmt: skip

    def recall(self, state: BenchState) -> None:
        """All is as it was.  Raises: SnapshotUnreadable, InvalidArgument."""
        for fault in state.faults:
            wanted = decode_message(FaultWanted, fault.wanted, root="")
            device = DeviceName.parse(fault.device) if fault.device else None
            again = self.faults.recall(fault.number, wanted, self.checked(wanted), device, created_us=fault.created_us)
            again.met, again.last_met_us = fault.met, fault.last_met_us
            if fault.chance:
                stand(again.chance, fault.chance)
            if again.effect in PHONE_EFFECTS:
                self._phones.go_on(again, offline=fault.offline)
        self.faults.last = state.faults_last
        self.requests.recall(state.requests, last=state.requests_last)
        self.retry_tests.recall(state.retry_tests, stand_at=lambda chance: stand(chance, state.retry_chance))

    def phone_of(self, device: DeviceName) -> DeviceName:
        """The sandbox's name for the phone that is this device now; for other devices, the device's name."""
        phone = self._phones_of_world.get(device)
        if phone is not None and phone.device == device:
            return device
        return next((other.name for other in self._phones_of_world.values() if other.device == device), device)

    def checkpoint(self, name: DeviceName) -> Checkpoint:
        """What the phone of this name passes at every moment of a command."""

        async def passed(moment: Moment, operation: str) -> None:
            await self._phones.pass_moment(name, moment, operation)

        return passed

    def plan(self, wanted: FaultWanted, device: DeviceName | None, *, path: str = "") -> Fault:
        """The fault is in force from now on.  Raises: InvalidArgument, ResourceExhausted."""
        fault = self.faults.add(wanted, self.checked(wanted, path=path), device)
        if fault.effect in PHONE_EFFECTS:
            self._phones.plan(fault)
        return fault

    def checked(self, wanted: FaultWanted, *, path: str = "") -> str:
        """The effect of a fault that can be planned.  Raises: InvalidArgument."""
        effect = effect_of(wanted, path=path)
        if wanted.patch is not None:
            try:
                Steered(wanted.patch)
            except InvalidArgument as error:
                raise InvalidArgument(violations=[Violation(f"{path}patch", error.message)]) from None
        return effect

    def _api(self, app: Asgi) -> Asgi:
        return MetApi(
            app, faults=self.faults, retry_tests=self.retry_tests, journal=self.requests, quota=self.quota,
            body_timeout_s=self._body_timeout_s,
        )  # fmt: skip

    def _notifications(self, publisher: Publisher) -> Publisher:
        self._publisher = MetNotifications(publisher, faults=self.faults, clock=self._clock, log=self._log)
        return self._publisher
