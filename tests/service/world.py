"""A server's inside without its sockets: the real store and vault, a clock that stands until it is set, and a phone's hands."""

import asyncio
import contextlib
import hashlib
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec

from heliograph.commands import ENVELOPE
from heliograph.domain.device import DeviceReport, DeviceState, HardwareInfo, ManagementMode, Ownership
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.names import DeviceName, EnterpriseName, OperationName
from heliograph.domain.operation import Operation
from heliograph.protocol import (
    Acknowledge,
    Begin,
    Drop,
    Enroll,
    Execute,
    Hello,
    InFlight,
    InFlightState,
    Offer,
    PhonePolicy,
    Refuse,
    Report,
    ReportState,
    StatusReport,
)
from heliograph.protojson.errors import AlreadyExists
from heliograph.service.acknowledge_command import acknowledge_command
from heliograph.service.begin_command import begin_command
from heliograph.service.enrollment_tokens import create_enrollment_token
from heliograph.service.enterprises import create_enterprise
from heliograph.service.expire_operations import expire_operations
from heliograph.service.issue_command import issue_command
from heliograph.service.limits import Limits
from heliograph.service.offer_command import OfferBook
from heliograph.service.operations import get_operation
from heliograph.service.phones import enroll_device, greet_device, report_status
from heliograph.service.ports import Clock, Offering, Ports, Sighting, Whereabouts
from heliograph.service.refuse_command import refuse_command
from heliograph.service.report_result import report_result
from heliograph.storage.sqlite.store import SqliteStore
from heliograph.storage.vault import FileVault
from tests.patience import PATIENCE_S, surely

START_US = 1_790_000_000_000_000
LAB = EnterpriseName("LC0lab0000")
A_COMMAND = '{"type":"LOCK"}'
ACK_A, ACK_B = "a" * 32, "b" * 32


class SettableClock:
    """A ports.Clock that stands still until it is advanced."""

    def __init__(self) -> None:
        self._now_us = START_US
        self._sleepers: list[tuple[int, asyncio.Event]] = []
        self.sleeps: list[int] = []
        """Until when someone lay down to sleep, in this order."""

    @property
    def awaited_us(self) -> set[int]:
        """Until when somebody sleeps."""
        return {at_us for at_us, _ in self._sleepers}

    def now_us(self) -> int:
        return self._now_us

    def advance(self, seconds: float) -> None:
        """The time, later; sleepers whose time has come wake up."""
        self._now_us += round(seconds * 1_000_000)
        for _, sleeper in self._sleepers:
            sleeper.set()

    async def sleep_until(self, at_us: int) -> None:
        self.sleeps.append(at_us)
        while self._now_us < at_us:
            sleeper = at_us, asyncio.Event()
            self._sleepers.append(sleeper)
            try:
                await sleeper[1].wait()
            finally:
                self._sleepers.remove(sleeper)


class CountedIds:
    """A ports.Ids that counts."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def device_id(self) -> str:
        return f"{next(self._numbers):016x}"

    def enterprise_id(self) -> str:
        return f"LC{next(self._numbers):08d}"

    def token_id(self) -> str:
        return f"token{next(self._numbers)}"

    def token_value(self) -> str:
        return f"VALUE{next(self._numbers)}"

    def web_app_package(self) -> str:
        return f"com.google.enterprise.webapp.x{next(self._numbers):016x}"

    def webhook_keys(self) -> bytes:
        return next(self._numbers).to_bytes(64)

    def session_secret(self) -> str:
        return f"secret{next(self._numbers)}"


class Here:
    """A ports.Presence and ports.Doorbell that a test sets and reads."""

    def __init__(self) -> None:
        self.connected_devices: set[DeviceName] = set()
        self.not_here = Whereabouts.NOWHERE
        self.rung: list[DeviceName] = []
        self.told: list[DeviceName] = []
        self.rested: list[DeviceName] = []

    def connected(self, device: DeviceName) -> bool:
        return device in self.connected_devices

    async def sighting(self, device: DeviceName) -> Sighting:
        return Sighting(Whereabouts.HERE if device in self.connected_devices else self.not_here, 0)

    def ring(self, device: DeviceName) -> None:
        self.rung.append(device)

    def policy_changed(self, device: DeviceName) -> None:
        self.told.append(device)

    def rest(self, device: DeviceName) -> None:
        self.rested.append(device)

    @property
    def draining(self) -> bool:
        return False

    def transports(self) -> Mapping[str, int]:
        return {}


class Phone:
    """What a phone says, in few words."""

    def __init__(self, ports: Ports, name: DeviceName, credential: str) -> None:
        self.ports = ports
        self.name = name
        self.credential = credential
        self.connection: object = object()

    @property
    def credential_hash(self) -> bytes:
        """What the server knows of its credential."""
        return hashlib.sha256(self.credential.encode()).digest()

    async def hears(self, *, poll: bool = False) -> Offer | int | None:
        """What it is offered on its connection."""
        waiting = await self.ports.store.open_operations(self.name)
        found = self.ports.offers.next_offer(self.ports, self.name, self.connection, waiting, poll=poll)
        return found.offer if isinstance(found, Offering) else found

    async def hears_name(self, *, poll: bool = False) -> OperationName | None:
        """The operation that it is offered, None where it is offered none."""
        offer = await self.hears(poll=poll)
        return OperationName.parse(offer.operation) if isinstance(offer, Offer) else None

    def reconnects(self) -> None:
        """Its connection is lost, and it has a new one."""
        self.ports.offers.forget(self.connection)
        self.connection = object()

    async def acknowledges(self, name: OperationName, ack_id: str = ACK_A, *, need_command: bool = False) -> Execute | Drop:
        """The answer to its acknowledgement."""
        message = Acknowledge(operation=str(name), ack_id=ack_id, need_command=need_command)
        return await acknowledge_command(self.ports, self.credential_hash, self.name, message)

    async def refuses(self, name: OperationName, error_code: str = "", status: object = None) -> None:
        """It cannot."""
        await refuse_command(self.ports, self.name, Refuse(operation=str(name), error_code=error_code, status=raw(status)))

    async def reports(
        self, name: OperationName, state: ReportState, *, seq: int = 1, ack_id: str = ACK_A, status: object = None, error_code: str = ""
    ) -> None:
        """How it went."""
        message = Report(operation=str(name), ack_id=ack_id, seq=seq, state=state, status=raw(status), error_code=error_code)
        await report_result(self.ports, self.name, message)

    async def asks(self, name: OperationName, *, seq: int = 1, ack_id: str = ACK_A, status: object = None) -> int | None:
        """It asks its user: how long it may do so (ms)."""
        pending = status or {"status": "PENDING_USER_ACTION"}
        message = Report(operation=str(name), ack_id=ack_id, seq=seq, state=ReportState.PROGRESS, status=raw(pending), asks_user=True)
        return (await report_result(self.ports, self.name, message)).answer_within_ms

    async def begins(self, name: OperationName, ack_id: str = ACK_A) -> Execute | Drop:
        """The answer to whether it may begin."""
        return await begin_command(self.ports, self.name, Begin(operation=str(name), ack_id=ack_id))

    async def greets(
        self, in_flight: dict[OperationName, str] | None = None, state: InFlightState = InFlightState.EXECUTING, *, public_key: str = ""
    ) -> PhonePolicy:  # fmt: skip
        """Hello."""
        entries = tuple(InFlight(operation=str(name), ack_id=ack_id, state=state) for name, ack_id in (in_flight or {}).items())
        return await greet_device(self.ports, self.credential_hash, self.name, Hello(in_flight=entries, public_key=public_key))

    async def tells(self, report: DeviceReport) -> PhonePolicy:
        """Its facts."""
        return await report_status(self.ports, self.name, StatusReport(report=report))


def raw(status: object) -> msgspec.Raw | None:
    """The status as a message carries it."""
    return None if status is None else msgspec.Raw(json.dumps(status).encode())


def facts(
    *, ownership: Ownership = Ownership.COMPANY_OWNED, serial: str = "S1", applied_state: DeviceState = DeviceState.ACTIVE
) -> DeviceReport:
    """What a phone reports: fully managed, or personally owned with a work profile."""
    personal = ownership is Ownership.PERSONALLY_OWNED
    return DeviceReport(
        management_mode=ManagementMode.PROFILE_OWNER if personal else ManagementMode.DEVICE_OWNER,
        ownership=ownership,
        api_level=35,
        applied_state=applied_state,
        hardware_info=HardwareInfo(serial_number=serial),
    )


class World:
    """The ports, and what a test needs to act on them."""

    def __init__(self, ports: Ports, clock: SettableClock, here: Here, enterprise: EnterpriseName = LAB) -> None:
        self.ports = ports
        self.enterprise = enterprise
        self.clock = clock
        self.here = here
        self._credentials = itertools.count(1)

    async def phone(self, report: DeviceReport | None = None, token: EnrollmentToken | None = None, *, public_key: str = "") -> Phone:
        """A newly enrolled, connected phone in the lab's enterprise."""
        credential = f"credential {next(self._credentials)} of {self.enterprise}"
        record = await create_enrollment_token(self.ports, self.enterprise, token or EnrollmentToken())
        enrolled = await enroll_device(
            self.ports,
            Enroll(
                enrollment_token=record.value,
                installation_id="installation",
                credential_hash=hashlib.sha256(credential.encode()).hexdigest(),
                report=report or facts(),
                public_key=public_key,
            ),
        )
        name = DeviceName.parse(enrolled.name)
        self.here.connected_devices.add(name)
        return Phone(self.ports, name, credential)

    async def issue(self, device: DeviceName, body: str = A_COMMAND) -> OperationName:
        """The name of a newly issued operation."""
        return (await surely(lambda: issue_command(self.ports, device, ENVELOPE.decode(body.encode())))).name

    async def operation(self, name: OperationName) -> Operation:
        """The operation as it stands."""
        return await get_operation(self.ports, name)

    async def deadlines_pass(self) -> None:
        """Everything that is due by the clock has been decided."""
        for _ in range(30_000):
            nearest_us = self.ports.store.nearest_deadline_us()
            if nearest_us is None or nearest_us > self.clock.now_us():
                return
            await asyncio.sleep(0.002)
        raise AssertionError("deadlines are over and nobody decides them")


@contextlib.asynccontextmanager
async def world(
    folder: Path,
    *,
    limits: Limits | None = None,
    expose_enterprises: bool = False,
    real_clock: Clock | None = None,
    watches_deadlines: bool = True,
    ids: CountedIds | None = None,
) -> AsyncIterator[World]:
    """A world with one enterprise; its deadlines are watched by default. With a real clock, `World.clock` steers nothing.

    `ids`: those of a former world in the same folder, which goes on.
    """
    settable, here = SettableClock(), Here()
    clock = real_clock or settable
    store = SqliteStore.open(folder / "heliograph.db", clock=clock, ring=here.ring, durable=False, waits_most_s=PATIENCE_S)
    ports = Ports(
        store=store,
        doorbell=here,
        clock=clock,
        ids=ids or CountedIds(),
        vault=FileVault(folder / "heliograph.key"),
        limits=limits or Limits(),
        offers=OfferBook(),
        presence=here,
        page_secret=b"page secret",
        expose_enterprises=expose_enterprises,
    )
    deadlines = asyncio.create_task(expire_operations(ports) if watches_deadlines else asyncio.sleep(0))
    try:
        with contextlib.suppress(AlreadyExists):
            await create_enterprise(ports, Enterprise(), enterprise_id=LAB.enterprise)
        yield World(ports, settable, here)
    finally:
        deadlines.cancel()
        await asyncio.gather(deadlines, return_exceptions=True)
        await store.close()
