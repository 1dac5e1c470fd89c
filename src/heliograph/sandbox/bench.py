"""What tests plan for one world and look up afterwards: faults, Retry Tests, the request journal, the quota report.

All of it belongs to one world and goes with it; a world that is made again has a new one.
"""

import random

from heliograph.agent.executor import Checkpoint, Moment
from heliograph.asgi import Asgi
from heliograph.domain.names import DeviceName
from heliograph.protojson.errors import InvalidArgument, Violation
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
from heliograph.sandbox.steering import Steered
from heliograph.server import Between
from heliograph.service.outbox import Publisher, PublishingCounts


class Bench:
    """See above. `between` goes to the server of the world, `checkpoint` to its phones; `begin` and `close` frame its life."""

    def __init__(self, *, clock: AdvancingClock, seed: str, settings: SandboxSettings, log: NotificationLog, phones: Phones) -> None:
        """`phones`: the world's, by the name that each enrolled under first; `seed` decides shares of calls and ids."""
        self._phones_of_world = phones
        self.faults = Faults(now_us=clock.now_us, seed=seed, phone_of=self.phone_of)
        self.retry_tests = RetryTests(chance=random.Random(f"{seed} retry tests"))
        self.requests = RequestJournal(now_us=clock.now_us)
        limits = settings.limits
        self.quota = QuotaReport(now_us=clock.now_us, per_minute=limits.quota_per_minute, together=limits.quota_per_project)
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
