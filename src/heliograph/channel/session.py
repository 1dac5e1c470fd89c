"""One device's side of the protocol: its answers, over any transport."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from heliograph.channel.answer import OK, Answer, answer_of_tombstone, answer_to_error, encode
from heliograph.channel.message_waiter import Answering, MessageWaiter
from heliograph.channel.messages import (
    read_acknowledge,
    read_begin,
    read_enroll,
    read_hello,
    read_ping,
    read_push_subscription,
    read_refuse,
    read_report,
    read_status_report,
    read_usage_logs,
)
from heliograph.channel.negotiation import agreed_keep_alive, agreed_version
from heliograph.channel.peers import HttpConnection, LastingLink, Link, Peers
from heliograph.domain.audit import Acting, ActorType
from heliograph.domain.device import Tombstone
from heliograph.domain.errors import DeviceNoLongerManaged
from heliograph.domain.names import DeviceName
from heliograph.protocol import Acknowledge, Begin, Greeting, KeepAlive, Message, Offer, Ok, PhonePolicy, Pong, Refuse, Report
from heliograph.protojson.errors import Code, HeliographError, InvalidArgument, NotFound, ResourceExhausted
from heliograph.service.acknowledge_command import acknowledge_command, acknowledging
from heliograph.service.acting import ACTING
from heliograph.service.audit import record_rejection
from heliograph.service.begin_command import begin_command
from heliograph.service.phones import (
    DeviceGone,
    authenticate_device,
    confirm_last_order,
    enroll_device,
    get_phone_policy,
    greet_device,
    hash_credential,
    report_status,
)
from heliograph.service.ports import Lane, Offering, Ports
from heliograph.service.refuse_command import refuse_command
from heliograph.service.report_result import report_result, reporting
from heliograph.service.rules import Inquiry
from heliograph.service.usage_logs import report_usage_logs
from heliograph.service.web_push import forget_the_phone, give_push_subscription
from heliograph.service.work_aside import work_aside

REQUESTS_AT_ONCE_MOST = 8
"""Per device, long-polls not counted: a phone reports a few operations side by side, a broken one must not fill the writer's queue."""


class Look(msgspec.Struct, frozen=True):
    """What a look for a device found."""

    news: Offer | PhonePolicy | Answer | None
    again_us: int | None = None
    """When to look again (us; 0: at once); None: when the bell rings."""


class Session:
    """What one credential may say and hear. Holds no state of the protocol: that is in the store.

    Every message is authenticated by itself, for a device may be deleted while its connection lives.
    """

    __slots__ = ("_actings", "_address", "_credential_hash", "_name", "_peers", "_ports")

    def __init__(
        self, ports: Ports, peers: Peers, credential: str, *, address: str = "", supposed: DeviceName | None = None
    ) -> None:  # fmt: skip
        """`address`: the IP address that it calls from, for the audit trail; `supposed`: the device whose credential it may be."""
        self._address = address
        self._ports = ports
        self._peers = peers
        self._credential_hash = hash_credential(credential)
        self._name = supposed
        """Whose credential it was when it was last looked up, or is supposed to be: every message looks whether it is."""
        self._actings: dict[str, Acting] = {}
        """Who acts, by the kinds of messages that this device has sent and that are answered at once."""

    async def device(self) -> DeviceName | Answer:
        """The device with this credential, now heard; or the answer to one without access (401, 410)."""
        try:
            name = await self._authenticated()
        except DeviceGone as gone:
            return self._gone(gone.tombstone)
        except HeliographError as error:
            return answer_to_error(error)
        self._peers.heard(name, self._ports.clock.now_us())
        return name

    async def _authenticated(self) -> DeviceName:
        name = await authenticate_device(self._ports, self._credential_hash)
        if name != self._name:
            self._name = name
            self._actings.clear()
        return name

    def _authenticated_at_once(self) -> DeviceName | None:
        """The device with this credential; None: the storage must be asked, or says why not."""
        name = self._name
        record = self._ports.store.device_at_hand(name) if name is not None else None
        return name if record is not None and record.credential_hash == self._credential_hash else None

    async def handle(
        self, kind: str, body: bytes, *, operation: str = "", connection: object = None, link: LastingLink | None = None
    ) -> Answer:  # fmt: skip
        """The answer to a message; never raises what a device can cause.

        `operation` is the one that an HTTP path names. `connection` and `link` are what carried the message: a hello makes them the
        device's newest.
        """
        try:
            return await self._handle(kind, body, operation, connection, link)
        except DeviceGone as gone:
            return await self._handle_gone(kind, body, operation, gone.tombstone)
        except HeliographError as error:
            said = self._acting(kind)
            acting = ACTING.get()  # it names the device, if that was authenticated
            return await self.rejected(acting if acting.method == said.method else said, error)

    async def rejected(self, acting: Acting, error: HeliographError) -> Answer:
        """The answer to a message that met this error, which is recorded as this party's."""
        if isinstance(error, DeviceNoLongerManaged):  # deleted since it was authenticated a moment ago
            answer = await self.device()
            return answer if isinstance(answer, Answer) else answer_to_error(error)
        await _record_refusal(self._ports, acting, error)
        return answer_to_error(error)

    def handle_at_once(self, kind: str, body: bytes, answering: Answering, *, operation: str = "") -> bool:
        """As `handle`, for what waits for one rule: whether the message will be answered so. False: nothing was done.

        Whatever is not the usual goes the way of `handle`, which does it again from the start, or from the rule's error on.
        """
        inquire = AT_ONCE.get(kind)
        device = self._authenticated_at_once() if inquire is not None else None
        if inquire is None or device is None:
            return False
        peer = self._peers.heard(device, self._ports.clock.now_us())
        if peer.requests >= REQUESTS_AT_ONCE_MOST:
            return False
        acting = self._actings.get(kind) or self._acting_at_once(kind, device)
        try:
            inquiry = inquire(self, device, body, operation)
            waiter = MessageWaiter(self, kind, body, operation, acting, peer, inquiry.conclude, answering)
            self._ports.store.decide_for(waiter, inquiry.sees, inquiry.rule, acting, lane=Lane.PHONES)
        except HeliographError:
            return False
        peer.requests += 1
        return True

    def _acknowledging(self, device: DeviceName, body: bytes, operation: str) -> Inquiry[Any, Message | None]:
        return acknowledging(self._ports, self._credential_hash, device, _on(read_acknowledge(body), operation))

    def _reporting(self, device: DeviceName, body: bytes, operation: str) -> Inquiry[Any, Message | None]:
        return reporting(self._ports, device, _on(read_report(body), operation))

    def _acting_at_once(self, kind: str, device: DeviceName) -> Acting:
        """As `_acting`, made once a connection."""
        self._actings[kind] = acting = self._acting(kind, device)
        return acting

    def _acting(self, kind: str, device: DeviceName | None = None) -> Acting:
        return acting_phone(self._ports, kind, address=self._address, device=device)

    async def look(self, connection: object, *, poll: bool) -> Look:
        """The device's next offer on this connection, or its policy if that has changed, or an Answer: an error to send instead.

        And when to look again, or None: when the bell rings.
        """
        try:
            name = await self._authenticated()
            ACTING.set(self._acting("offer", name))
            waiting = await self._ports.store.open_operations(name)
            found = self._ports.offers.next_offer(self._ports, name, connection, waiting, poll=poll)
            if not isinstance(found, Offering) and self._owes_policy(name):
                return Look(await get_phone_policy(self._ports, name), 0)
        except DeviceGone as gone:
            return Look(self._gone(gone.tombstone))
        except HeliographError as error:
            return Look(answer_to_error(error))
        return self._found(name, found)

    def look_at_hand(self, connection: object, *, poll: bool) -> Look | None:
        """As `look`; None: it must be waited for, and nothing was done."""
        name = self._authenticated_at_once()
        waiting = self._ports.store.open_at_hand(name) if name is not None else None
        if name is None or waiting is None:
            return None
        try:
            found = self._ports.offers.next_offer(self._ports, name, connection, waiting, poll=poll)
        except HeliographError as error:
            return Look(answer_to_error(error))
        if not isinstance(found, Offering) and self._has_policy_news(name):
            return None
        return self._found(name, found)

    def _found(self, name: DeviceName, found: Offering | int | None) -> Look:
        if isinstance(found, Offering):
            return Look(found.offer, 0 if self._has_policy_news(name) else found.again_us)
        return Look(None, found)

    def now_us(self) -> int:
        return self._ports.clock.now_us()

    def _has_policy_news(self, device: DeviceName) -> bool:
        peer = self._peers.find(device)
        return peer is not None and peer.policy_news

    def _owes_policy(self, device: DeviceName) -> bool:
        """Whether the device's policy has changed since the device last got it; from now on it counts as sent."""
        peer = self._peers.find(device)
        if peer is None or not peer.policy_news:
            return False
        peer.policy_news = False
        return True

    @property
    def draining(self) -> bool:
        return self._peers.draining

    @property
    def unread_most_s(self) -> float:
        """How long the device may leave an answer unread."""
        return self._peers.unread_most_s

    @property
    def keep_alive_most_s(self) -> int:
        """The longest interval that this server keeps idle connections by."""
        return self._ports.limits.keep_alive_most_s

    def http_connection(self, device: DeviceName, id: str) -> HttpConnection:
        """The device's present HTTP connection, if it has this id, else a new one: repeated polls repeat offers later."""
        peer = self._peers.find(device)
        connection = peer.connection if peer else None
        return connection if isinstance(connection, HttpConnection) and connection.id == id else HttpConnection(id)

    def take_over(self, device: DeviceName, connection: object, link: Link | None) -> None:
        """`connection` is the device's newest, and `link` what waits for its offers; the ones before are closed and forgotten."""
        peer = self._peers.heard(device, self._ports.clock.now_us())
        old_connection, old_link = peer.connection, peer.link
        peer.connection, peer.link = connection, link
        if old_connection is not connection:
            self._ports.changes.heard((device,))
            if old_connection is not None:
                self._ports.offers.forget(old_connection)
        if old_link is not None and old_link is not link:
            old_link.supersede(same_connection=_same(old_connection, connection))

    def leave(self, device: DeviceName, link: Link) -> None:
        """`link` waits no longer. What a WebSocket was offered is forgotten with it; a phone that polls is known by its next poll."""
        peer = self._peers.find(device)
        if peer is not None and peer.link is link:
            peer.link = None
            if peer.connection is link:
                self._ports.offers.forget(link)
                peer.connection = None
                self._ports.changes.heard((device,))

    async def _handle(self, kind: str, body: bytes, operation: str, connection: object, link: LastingLink | None) -> Answer:
        device = await self._authenticated()
        ACTING.set(self._acting(kind, device))
        peer = self._peers.heard(device, self._ports.clock.now_us())
        if peer.requests >= REQUESTS_AT_ONCE_MOST:
            raise ResourceExhausted(f"More than {REQUESTS_AT_ONCE_MOST} requests of this device at once.", retry_after_s=1)
        peer.requests += 1
        if kind in TOLD_THE_POLICY:
            peer.policy_news = False  # before it is read: what changes from now on is news again
        try:
            if kind == "hello":
                return await self._hello(device, body, connection, link)
            if kind == "ping":
                return self._ping(body, link)
            handler = _HANDLERS.get(kind)
            if handler is None:
                raise NotFound(f"Unknown kind of message {kind[:64]!r}.")
            return Answer(OK, encode(await handler(self, device, body, operation)))
        finally:
            peer.requests -= 1

    async def _hello(self, device: DeviceName, body: bytes, connection: object, link: LastingLink | None) -> Answer:
        hello = read_hello(body)
        version = agreed_version(hello.protocol_versions)
        policy = await greet_device(self._ports, self._credential_hash, device, hello)
        self.take_over(device, connection, link)
        kept = self._agreed(hello.keep_alive, link)
        if link is not None:
            link.keep_alive(kept)
        greeting = Greeting(protocol_version=version, keep_alive=kept, **msgspec.structs.asdict(policy))
        return Answer(OK, encode(greeting))

    def _ping(self, body: bytes, link: LastingLink | None) -> Answer:
        kept = self._agreed(read_ping(body).keep_alive, link)
        if link is not None and kept is not None:
            link.keep_alive(kept)
        return Answer(OK, encode(Pong(keep_alive=kept)))

    def _agreed(self, asked: KeepAlive | None, link: LastingLink | None) -> KeepAlive | None:
        return None if asked is None else agreed_keep_alive(asked, most_s=self.keep_alive_most_s, pinged=link is not None)

    async def acknowledge(self, device: DeviceName, body: bytes, operation: str) -> Message:
        """Execute or Drop."""
        message = _on(read_acknowledge(body), operation)
        return await acknowledge_command(self._ports, self._credential_hash, device, message)

    async def begin(self, device: DeviceName, body: bytes, operation: str) -> Message:
        """Execute or Drop."""
        return await begin_command(self._ports, device, _on(read_begin(body), operation))

    async def refuse(self, device: DeviceName, body: bytes, operation: str) -> Message:
        """Ok."""
        await refuse_command(self._ports, device, _on(read_refuse(body), operation))
        return Ok()

    async def report(self, device: DeviceName, body: bytes, operation: str) -> Message:
        """Asked."""
        return await report_result(self._ports, device, _on(read_report(body), operation))

    async def status(self, device: DeviceName, body: bytes, operation: str) -> Message:
        """The PhonePolicy."""
        return await report_status(self._ports, device, await work_aside(read_status_report, body))

    async def usage_logs(self, device: DeviceName, body: bytes, operation: str) -> Message:
        """Ok."""
        await report_usage_logs(self._ports, device, await work_aside(read_usage_logs, body))
        return Ok()

    async def push_subscription(self, device: DeviceName, body: bytes, operation: str) -> Message:
        """ApplicationServer."""
        return await give_push_subscription(self._ports, device, read_push_subscription(body))

    async def order_carried_out(self, device: DeviceName, body: bytes, operation: str) -> Message:
        """Ok.  Raises: what the verb raises if the device is still managed."""
        await confirm_last_order(self._ports, self._credential_hash)
        await forget_the_phone(self._ports, device)
        return Ok()

    async def _handle_gone(self, kind: str, body: bytes, operation: str, tombstone: Tombstone) -> Answer:
        """410, except for the two messages that a device may still send: its acknowledgement again, and that the last order is executed."""
        ACTING.set(self._acting(kind, tombstone.name))
        try:
            if kind == "orderCarriedOut":
                return Answer(OK, encode(await self.order_carried_out(tombstone.name, body, operation)))
            if kind == "acknowledge" and tombstone.ack_id:
                message = _on(read_acknowledge(body), operation)
                if (message.ack_id, message.operation) == (tombstone.ack_id, tombstone.last_order.operation):
                    return Answer(OK, encode(await self.acknowledge(tombstone.name, body, operation)))
        except HeliographError as error:
            return answer_to_error(error)
        return self._gone(tombstone)

    def _gone(self, tombstone: Tombstone) -> Answer:
        peer = self._peers.find(tombstone.name)
        if peer is not None and peer.link is None:
            self._ports.offers.forget(peer.connection)
            self._peers.forget(tombstone.name)
        return answer_of_tombstone(tombstone)


async def enroll(ports: Ports, body: bytes, *, address: str = "") -> Answer:
    """The answer to `POST /device/v1/enroll`, the one message without a credential."""
    acting = acting_phone(ports, "enroll", address=address)
    ACTING.set(acting)
    try:
        return Answer(OK, encode(await enroll_device(ports, await work_aside(read_enroll, body))))
    except HeliographError as error:
        await _record_refusal(ports, acting, error)
        return answer_to_error(error)


def acting_phone(ports: Ports, kind: str, *, address: str, device: DeviceName | None = None) -> Acting:
    """A phone, as the audit trail names it."""
    return Acting(
        actor_type=ActorType.DEVICE,
        actor=str(device) if device is not None else "",
        address=address,
        method=f"device.{kind[:64]}",
        telemetry=kind in TELEMETRY,
        silent=not ports.limits.audit_phones and kind != "enroll",
    )


async def _record_refusal(ports: Ports, acting: Acting, error: HeliographError) -> None:
    if error.code is not Code.UNAVAILABLE and not acting.telemetry:
        enterprise = DeviceName.parse(acting.actor).enterprise if acting.actor else ""
        await record_rejection(ports, acting, error, resource=acting.actor, enterprise=enterprise)


def _same(one: object, other: object) -> bool:
    """Whether both are one phone's HTTP requests: one that says hello again closes its own poll in good order."""
    return one is other or (isinstance(one, HttpConnection) and isinstance(other, HttpConnection) and one.id == other.id)


N = TypeVar("N", Acknowledge, Refuse, Begin, Report)


def _on(message: N, operation: str) -> N:
    """The message with the operation that its path names.  Raises: InvalidArgument: the message names no operation, or two."""
    if message.operation and operation and message.operation != operation:
        raise InvalidArgument("The operation in the body differs from the one in the path.")
    if message.operation:
        return message
    if not operation:
        raise InvalidArgument("The message names no operation.")
    return msgspec.structs.replace(message, operation=operation)


_HANDLERS: dict[str, Callable[[Session, DeviceName, bytes, str], Awaitable[Message]]] = {
    "acknowledge": Session.acknowledge,
    "refuse": Session.refuse,
    "begin": Session.begin,
    "report": Session.report,
    "status": Session.status,
    "usageLogs": Session.usage_logs,
    "pushSubscription": Session.push_subscription,
    "orderCarriedOut": Session.order_carried_out,
}
"""By the message's kind: the WebSocket's word for it, and the end of its HTTP path."""

AT_ONCE: dict[str, Callable[[Session, DeviceName, bytes, str], Inquiry[Any, Message | None]]] = {
    "acknowledge": Session._acknowledging,  # noqa: SLF001 - of this module
    "report": Session._reporting,  # noqa: SLF001 - of this module
}
"""What waits for one rule and nothing else, by kind: two of three messages of a command's way."""

TELEMETRY = frozenset({"hello", "ping", "status", "usageLogs"})
"""Messages that say how a phone is; nobody decides anything by them."""

TOLD_THE_POLICY = frozenset({"hello", "status"})
"""Messages that are answered with the policy."""

KINDS = frozenset({"hello", "ping", *_HANDLERS})
