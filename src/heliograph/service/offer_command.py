"""Which command a phone is offered, and when: this process's memory of what it offered on which connection.

Offering is not a state: after a restart, or on another server process, a command is offered once more, and the phone's ackId
decides. Order is the order in which commands *start* (design.md §3, 7).
"""

from collections import Counter
from collections.abc import Sequence

import msgspec
import structlog

from heliograph.commands import COMMANDS
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation, State, TimelineEntry, noted, withheld
from heliograph.protocol import Offer
from heliograph.protojson.errors import HeliographError
from heliograph.service.metrics import about
from heliograph.service.ports import Offering, Ports
from heliograph.service.sealed_secrets import PhoneCommand, phone_command

log = structlog.get_logger()

AGAIN_US = 60_000_000
"""An unanswered offer is repeated on the same connection after this; and to repeated polls after 1, 2, 4 … seconds, at most this."""
POLL_AGAIN_US = 1_000_000
PARKED_AFTER = 10
"""Offers on live connections without an acknowledgement after which a command no longer holds up the others."""
PARKED = "parked: other commands go first"
"""Shown in a timeline."""
S_US = 1_000_000
MS_US = 1_000


class _Offered(msgspec.Struct):
    """One operation's offers."""

    connection: object | None
    """The connection of the last offer, None once it is gone."""
    times: int = 0
    """In all."""
    on_connection: int = 0
    """Offers on that connection."""
    last_us: int = 0
    untold: int = 0
    """Offers that no durable write has recorded yet, from `untold_from_us` on."""
    untold_from_us: int = 0

    @property
    def parked(self) -> bool:
        return self.times >= PARKED_AFTER

    def once_more(self, connection: object, now_us: int) -> None:
        """It is offered on this connection now."""
        if self.connection is not connection:
            self.connection = connection
            self.on_connection = 0
        if not self.untold:
            self.untold_from_us = now_us
        self.times += 1
        self.on_connection += 1
        self.untold += 1
        self.last_us = now_us

    def due_us(self, connection: object, *, poll: bool) -> int:
        """When it is offered again on this connection; 0: at once."""
        if self.connection is not connection:
            return 0
        pause_us = min(POLL_AGAIN_US << min(self.on_connection - 1, 6), AGAIN_US) if poll else AGAIN_US
        return self.last_us + pause_us


class _Line(msgspec.Struct):
    """What is known about one device."""

    offered: dict[int, _Offered] = {}
    in_flight: frozenset[int] = frozenset()
    """What its journal held when it said hello."""
    greeted_us: int = 0
    """When it said hello; 0: it did not, so its journal may hold anything."""


class OfferBook:
    """A `ports.Offers`. Bounded by the open operations that were offered to devices; what has ended is dropped at the next look."""

    def __init__(self, *, log_offers: bool = False) -> None:
        """`log_offers`: each offer is a line in the log, at level debug."""
        self._log_offers = log_offers
        self.offered: Counter[str] = Counter()
        self.parked = 0
        self._lines: dict[DeviceName, _Line] = {}
        self._devices: dict[object, DeviceName] = {}

    def next_offer(
        self, ports: Ports, device: DeviceName, connection: object, open_operations: Sequence[Operation], *, poll: bool
    ) -> Offering | int | None:
        """The oldest due command that may start now; or when to look again (us); or None: when the bell rings.

        `connection` stays the same object (hashable) for as long as the phone may still answer on it: for long-polling the phone's
        session, not one request. `poll`: the phone asks again and again, so a lost offer is repeated sooner.

        Raises: HeliographError: the command's secrets cannot be opened.
        """
        operations = open_operations
        now_us = ports.clock.now_us()
        line = self._lines.get(device)
        if not operations:
            if line is not None and line.offered:
                line.offered.clear()
            return None
        if line is None:
            line = self._lines[device] = _Line()
        self._devices[connection] = device
        if line.offered:
            _forget_ended(line, operations)
        chosen: Operation | int | None
        if len(operations) == 1 and not line.offered and _may_start(operations[0], now_us):  # mostly
            chosen = operations[0]
        else:
            chosen = _missing_from_journal(line, operations) or _next_due(line, operations, connection, now_us, poll=poll)
        if not isinstance(chosen, Operation):
            return chosen
        # Counted first: a command whose secrets cannot be opened (another key file) is finally parked and blocks no others.
        self.offered[chosen.type] += 1
        offered = line.offered.get(chosen.create_ms)
        if offered is None:
            offered = line.offered[chosen.create_ms] = _Offered(connection=connection)
        offered.once_more(connection, now_us)
        if offered.times == PARKED_AFTER:
            self.parked += 1
            log.warning("command.parked", **about(chosen), offers=PARKED_AFTER)
        if self._log_offers:
            log.debug("command.offered", **about(chosen))
        command = _readable_command(ports, chosen)
        offer = Offer(
            operation=f"{device}/operations/{chosen.create_ms}",
            command=command.command,
            sealed_command=command.sealed,
            expires_in_ms=max(1, (chosen.expires_us - now_us) // 1_000),
        )
        return Offering(offer, _again_us(offered, chosen, connection, poll=poll))

    def greeted(self, device: DeviceName, in_flight: frozenset[int], now_us: int) -> None:
        line = self._lines.setdefault(device, _Line())
        line.in_flight = in_flight
        line.greeted_us = now_us

    def forget(self, connection: object) -> None:
        device = self._devices.pop(connection, None)
        line = self._lines.get(device) if device else None
        if line is None or device is None:
            return
        for offered in line.offered.values():
            if offered.connection is connection:
                offered.connection = None
        if not line.offered and not line.greeted_us:
            del self._lines[device]

    def note(self, device: DeviceName, create_ms: int) -> TimelineEntry | None:
        offered = self._offered(device, create_ms)
        if offered is None or not offered.untold:
            return None
        return TimelineEntry(
            at_us=offered.untold_from_us,
            what="offered",
            detail=PARKED if offered.parked else "",
            count=offered.untold,
            until_us=offered.last_us if offered.untold > 1 else 0,
        )

    def noted(self, device: DeviceName, create_ms: int) -> None:
        offered = self._offered(device, create_ms)
        if offered is not None:
            offered.untold = 0

    def ended(self, device: DeviceName, create_ms: int) -> bool:
        line = self._lines.get(device)
        if line is None:
            return True
        line.offered.pop(create_ms, None)
        return not line.offered

    def forget_device(self, device: DeviceName) -> None:
        self._lines.pop(device, None)

    def _offered(self, device: DeviceName, create_ms: int) -> _Offered | None:
        line = self._lines.get(device)
        return line.offered.get(create_ms) if line is not None else None


def _readable_command(ports: Ports, operation: Operation) -> PhoneCommand:
    try:
        return phone_command(ports, operation)
    except HeliographError as error:
        log.error("command.unreadable", **about(operation), reason=error.message)  # noqa: TRY400 - a traceback would add nothing
        raise


def _forget_ended(line: _Line, operations: Sequence[Operation]) -> None:
    open_now = {operation.create_ms for operation in operations}
    for create_ms in [create_ms for create_ms in line.offered if create_ms not in open_now]:
        del line.offered[create_ms]


def _missing_from_journal(line: _Line, operations: Sequence[Operation]) -> Operation | None:
    """An operation that was acknowledged before the phone said hello, and that its hello did not list: offered once more."""
    for operation in operations:
        if (
            operation.state is State.ACKNOWLEDGED
            and operation.acked_us < line.greeted_us
            and operation.create_ms not in line.in_flight
        ):  # fmt: skip
            line.in_flight |= {operation.create_ms}
            return operation
    return None


def _may_start(operation: Operation, now_us: int) -> bool:
    """Whether it waits for nothing but its phone. An offer with no whole millisecond left would ask for the impossible."""
    return operation.state is State.QUEUED and now_us >= operation.starts_us and operation.expires_us - now_us >= MS_US


def _next_due(line: _Line, operations: Sequence[Operation], connection: object, now_us: int, *, poll: bool) -> Operation | int | None:
    held_until_us, head = 0, None
    parked: list[Operation] = []
    starts_us: list[int] = []
    for operation in operations:
        if operation.state is State.ACKNOWLEDGED:
            held_until_us = max(held_until_us, holds_until_us(operation))
        elif withheld(operation, now_us):
            starts_us += [operation.starts_us] if operation.state is State.QUEUED else []
        # An offer with no whole millisecond left would ask for the impossible.
        elif operation.expires_us - now_us < MS_US:
            continue
        elif (offered := line.offered.get(operation.create_ms)) is not None and offered.parked:
            parked.append(operation)
        elif head is None:
            head = operation
    if held_until_us > now_us:
        return held_until_us
    # The head holds the queue until it is refused, ends or starts; parked ones come last and delay no others.
    again_us = starts_us
    for operation in [head] if head is not None else parked:
        offered = line.offered.get(operation.create_ms)
        due_us = offered.due_us(connection, poll=poll) if offered else 0
        if due_us <= now_us:
            return operation
        again_us += [due_us, operation.expires_us]
    return min(again_us, default=None)


def _again_us(offered: _Offered, chosen: Operation, connection: object, *, poll: bool) -> int:
    """When a look may find something new although no bell rings: what was offered as the head of the queue holds up all others."""
    if chosen.state is not State.QUEUED or offered.parked:
        return 0
    return min(offered.due_us(connection, poll=poll), chosen.expires_us)


def holds_until_us(operation: Operation) -> int:
    """Until when an acknowledged operation keeps later ones of its device from starting; 0: it does not."""
    if operation.state is not State.ACKNOWLEDGED or operation.released:
        return 0
    return operation.acked_us + COMMANDS[operation.type].holds_queue_s * S_US


def with_offers(ports: Ports, operation: Operation) -> Operation:
    """The operation with the unrecorded offers in its timeline; call `offers.noted` after the commit."""
    entry = ports.offers.note(operation.device, operation.create_ms)
    return operation if entry is None else noted(operation, entry)
