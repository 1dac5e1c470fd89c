"""A phone's agent: enrols, stays connected, and sees each command through, over restarts and lost answers.

Source: design.md §4; docs/device-protocol.md.
"""

import asyncio
import hashlib
from collections.abc import Coroutine
from typing import Never

import msgspec

from heliograph.agent.client import error_text
from heliograph.agent.command_run import CommandRun, question_of, raw_evidence
from heliograph.agent.delivery import CredentialUnknown, Delivery
from heliograph.agent.executor import Equipment, Moment, PushDistributor, Work, work_of
from heliograph.agent.journal import FinalOrder, Identity
from heliograph.agent.sealed_commands import new_private_key, public_key_of
from heliograph.agent.transport import BAD_REQUEST, OK, ConnectionLost, Reply
from heliograph.domain.device import DeviceReport, LastOrder
from heliograph.protocol import (
    CREDENTIAL_BYTES,
    VERSIONS,
    ApplicationServer,
    Enroll,
    Enrolled,
    Greeting,
    Hello,
    Offer,
    OrderCarriedOut,
    PhonePolicy,
    PushSubscription,
    StatusReport,
)

INSTALLATION_ID_BITS = 128


class EnrollmentRejected(Exception):
    """The server does not accept this phone; the message says why."""


class NotEnrolled(Exception):
    """The phone is not enrolled."""


class HelloRejected(ConnectionLost):
    """The server does not speak with this agent: asking again helps once one of them was updated."""


class UnknownOrder(Exception):
    """The phone does not know the type of the last order, so it neither executes nor confirms it."""


class Agent:
    """One process on a phone. It may be killed at any moment; the next one continues from the same journal."""

    def __init__(self, equipment: Equipment, *, reported: DeviceReport | None = None) -> None:
        """`reported`: what the server knows of the phone, if that is known here."""
        self._equipment = equipment
        self._journal = equipment.journal
        self._delivery = Delivery(equipment)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        """By operation, and four of the agent's own."""
        self._reported = reported
        self._changed = asyncio.Event()
        self._reporting = asyncio.Lock()
        self._heard = 0
        """How many policies hello's answers and news have brought."""

    @property
    def reported(self) -> DeviceReport | None:
        """What the server knows of the phone, as far as this agent knows."""
        return self._reported

    def facts_changed(self) -> None:
        """The phone's facts may have changed; if so, the server gets them."""
        self._changed.set()

    def network_is_back(self) -> None:
        """A network has come back: the server is called at once."""
        self._delivery.go_on()

    async def enroll(self, enrollment_token: str, *, serial: str = "") -> str:
        """The device's name. The phone made its credential itself; asked again, it asks with the same one.

        Raises: EnrollmentRejected.
        """
        identity = self._journal.identity
        if identity is None:
            entropy = self._equipment.entropy
            identity = Identity(
                credential=f"{entropy.getrandbits(8 * CREDENTIAL_BYTES):0{2 * CREDENTIAL_BYTES}x}",
                installation_id=f"{entropy.getrandbits(INSTALLATION_ID_BITS):032x}",
                private_key=new_private_key(entropy),
            )
            self._journal.identify(identity)
        enroll = Enroll(
            enrollment_token=enrollment_token,
            installation_id=identity.installation_id,
            credential_hash=hashlib.sha256(identity.credential.encode()).hexdigest(),
            report=self._equipment.executor.report(),
            evidence=raw_evidence(after=self._equipment.executor.look_at_enrolment()),
            serial=serial,
            public_key=public_key_of(identity.private_key),
        )
        reply = await self._insist(enroll, "")
        if not reply.ok:
            raise EnrollmentRejected(error_text(reply))
        name = msgspec.json.decode(reply.body, type=Enrolled).name
        self._journal.identify(msgspec.structs.replace(identity, name=name))
        return name

    async def run(self) -> None:
        """Returns when the phone is no longer managed: its last order is executed and confirmed, its credential forgotten.

        Cancelled, it stops where it stands, as if killed.  Raises: NotEnrolled, UnknownOrder, OSError (the journal).
        """
        try:
            final = self._journal.final_order
            if final is None:
                final = FinalOrder(order=await self._serve())
                self._journal.order(final)
                await self._equipment.checkpoint(Moment.ORDERED, final.order.operation)
            await self._obey(final)
        finally:
            self.kill()
            await self._equipment.transport.cut()

    def kill(self) -> None:
        """Nothing more is done: no line journalled, no message sent, no effect begun."""
        tasks, self._tasks = self._tasks, {}
        for task in tasks.values():
            task.cancel()

    async def _serve(self) -> LastOrder:
        """The last order, once there is one; until then every command is seen through."""
        for entry in self._journal.entries:
            self._start(entry.operation, self._command_run().resume(entry))
        self._start("connection", self._stay_connected())
        keeper = self._equipment.keeper
        if keeper is not None and self._equipment.transport.needs_pings:
            self._start("keep-alive", self._delivery.keep_open(keeper))
        self._start("status", self._tell_changes())
        self._start("usage log", self._equipment.executor.log_usage())
        try:
            return await asyncio.shield(self._delivery.ended)
        finally:
            self.kill()

    def _command_run(self) -> CommandRun:
        return CommandRun(self._equipment, self._delivery, self._report_status)

    def _start(self, name: str, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[name] = task

        def ended(task: asyncio.Task[None]) -> None:
            if self._tasks.get(name) is task:
                del self._tasks[name]
            if not task.cancelled() and (error := task.exception()) is not None:
                self._delivery.fail(error)

        task.add_done_callback(ended)

    async def _stay_connected(self) -> None:
        backoff, unknown = self._delivery.backoff(), self._delivery.backoff_of_unknown()
        while True:
            try:
                await self._greet()
                backoff.reset()
                unknown.reset()
                await self._take_offers()
            except (CredentialUnknown, HelloRejected) as error:
                self._equipment.not_known(str(error))
                wait_s = unknown.next_s()
            except ConnectionLost as lost:
                wait_s = backoff.next_s(lost.retry_after_s)
            finally:
                self._connection(stands=False)
            await self._equipment.transport.cut()
            await self._delivery.pause(wait_s)

    async def _greet(self) -> None:
        identity = self._journal.identity
        if identity is None:
            raise NotEnrolled("The phone is not enrolled.")
        if not identity.private_key:  # an older agent enrolled the phone
            identity = msgspec.structs.replace(identity, private_key=new_private_key(self._equipment.entropy))
            self._journal.renew(identity)
        keeper = self._equipment.keeper
        hello = Hello(
            in_flight=self._journal.in_flight(),
            public_key=public_key_of(identity.private_key),
            protocol_versions=VERSIONS,
            keep_alive=None if keeper is None else keeper.connecting(),
        )
        reply = await self._equipment.transport.connect(identity.credential, hello)
        await self._delivery.judge(reply)
        if reply.status == BAD_REQUEST:
            raise HelloRejected(error_text(reply))
        if not reply.ok:
            raise ConnectionLost(f"hello was answered {reply.status}: {error_text(reply)}")
        if keeper is not None:
            keeper.agreed = msgspec.json.decode(reply.body, type=Greeting).keep_alive
        self._adopt(msgspec.json.decode(reply.body, type=PhonePolicy))
        self._connection(stands=True)
        self._changed.set()
        if self._equipment.push is not None and "push subscription" not in self._tasks:
            self._start("push subscription", self._can_be_woken(self._equipment.push))

    def _connection(self, *, stands: bool) -> None:
        if stands:
            self._delivery.connected.set()
            self._delivery.go_on()
        else:
            self._delivery.connected.clear()
        self._equipment.connection_changed(stands)

    async def _take_offers(self) -> Never:
        while True:
            news = await self._equipment.transport.next_offer()
            if isinstance(news, Reply):
                await self._delivery.judge(news)
                raise ConnectionLost(f"instead of an offer: {news.status} {error_text(news)}")
            if isinstance(news, PhonePolicy):
                self._adopt(news)
                self._changed.set()
            else:
                self._take(news)

    def _take(self, offer: Offer) -> None:
        """The command is begun, unless it is in progress: then the journal's result is already being sent."""
        if offer.operation not in self._tasks:
            self._start(offer.operation, self._command_run().begin(offer))

    async def _tell_changes(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._report_status()
            await self._report_usage()

    async def _report_usage(self) -> None:
        executor = self._equipment.executor
        while (logs := executor.usage_logs()) is not None:
            await self._delivery.deliver(logs)
            executor.usage_logs_taken()

    async def _report_status(self) -> None:
        async with self._reporting:
            executor = self._equipment.executor
            while (report := executor.report()) != self._reported:
                before = self._heard
                reply = (await self._delivery.deliver(StatusReport(report=report))).reply
                if reply.status != OK:
                    self._reported = report
                elif before == self._heard:  # else what was heard meanwhile may be newer than this answer
                    self._reported = report
                    executor.adopt(msgspec.json.decode(reply.body, type=PhonePolicy))

    async def _can_be_woken(self, distributor: PushDistributor) -> None:
        """The server has the phone's subscription, made for this server; with each connection, since either may have lost it."""
        given = distributor.subscription
        key = await self._give(given)
        if key and (wanted := await distributor.subscribe(key)) != given:
            await self._give(wanted)

    async def _give(self, subscription: PushSubscription) -> str:
        """The key that subscriptions must be made for; empty: this server wakes no phones, or does not know how (404)."""
        reply = (await self._delivery.deliver(subscription)).reply
        return msgspec.json.decode(reply.body, type=ApplicationServer).application_server_key if reply.status == OK else ""

    def _adopt(self, policy: PhonePolicy) -> None:
        self._heard += 1
        self._equipment.executor.adopt(policy)

    async def _obey(self, final: FinalOrder) -> None:
        """Execute the last order once, confirm it, then forget the credential."""
        identity, operation = self._journal.identity, final.order.operation
        if not final.carried_out:
            for question in filter(None, map(question_of, self._journal.entries)):
                self._equipment.executor.withdraw(question)  # its command may be over at the server already, and nothing of it was done
            await self._equipment.executor.carry_out(_last_work(final.order))
            self._journal.order(msgspec.structs.replace(final, carried_out=True))
            await self._equipment.checkpoint(Moment.CARRIED_OUT, operation)
        # Any answer will do: the phone has no one left to ask for more.
        await self._insist(OrderCarriedOut(), identity.credential if identity else "")
        self._journal.forget()
        await self._equipment.checkpoint(Moment.FORGOTTEN, operation)

    async def _insist(self, message: Enroll | OrderCarriedOut, credential: str) -> Reply:
        """The answer to a message that needs no connection, asked for until it comes."""
        backoff = self._delivery.backoff()
        while True:
            retry_after_s = None
            try:
                reply = await self._equipment.transport.post(message, credential)
                if not reply.try_again:
                    return reply
                retry_after_s = reply.retry_after_s
            except ConnectionLost:
                pass
            await self._delivery.pause(backoff.next_s(retry_after_s))


def _last_work(order: LastOrder) -> Work:
    work = work_of(order.operation, bytes(order.command))
    if work is None:
        raise UnknownOrder(f"The last order {order.type} is not one that this phone knows.")
    return work
