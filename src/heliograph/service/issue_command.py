"""A caller's command becomes an operation in its device's queue."""

import hashlib
import hmac
import itertools
from collections.abc import Iterable, Iterator
from operator import attrgetter

import msgspec

from heliograph.commands import ENVELOPE
from heliograph.domain.access import ANYBODY, Caller
from heliograph.domain.command import no_violations_on
from heliograph.domain.device import DeviceRecord
from heliograph.domain.envelope import ROOT, IssuedCommand
from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.operation import Operation, TimelineEntry
from heliograph.domain.request_id import REQUEST_ID_LIFE_S, IssueRequest, RequestKey
from heliograph.domain.rights import Permit
from heliograph.protocol import COMMAND_MAX_BYTES
from heliograph.protojson.errors import Aborted, InvalidArgument, ResourceExhausted, Violation, Violations
from heliograph.service.approval_gate import held_back, rules_seen
from heliograph.service.limits import Limits
from heliograph.service.not_found import device_absence
from heliograph.service.operations import get_operation
from heliograph.service.ports import Ask, Decision, Facts, Ports, Put, PutOperation, Rule, Sees
from heliograph.service.record_rules import RecordName
from heliograph.service.rules import SeesDevice
from heliograph.service.sealed_secrets import Sealed, require_sealed_fits, seal_secrets
from heliograph.service.tenant_bounds import require_room_for_request_id

UNSEALED = Sealed(None, "")
SMALL_BYTES = 4 * 1_024
"""Commands up to this size are only counted: to add up the bytes of all others costs a look at each."""


_TYPE_BYTES = len(ENVELOPE.full_command("", b"{}"))


class OpenCommandsTooLarge(ResourceExhausted):
    """The device's unfinished commands are too large together. Wait for them, or cancel some."""

    reason = "OPEN_COMMANDS_TOO_LARGE"


class TooManyOpenOperations(ResourceExhausted):
    """The device has too many unfinished commands. Wait for them, or cancel some."""

    reason = "TOO_MANY_OPEN_OPERATIONS"


class Issuing(msgspec.Struct, frozen=True):
    """What the store is asked for an operation: it judges everything, and its answer is None if there is no such device."""

    sees: Sees
    rule: Rule[Operation | None]


def issuing(
    ports: Ports, device: DeviceName, command: IssuedCommand, *, caller: Caller = ANYBODY, permit: Permit | None = None
) -> Issuing:  # fmt: skip
    """What `issue_command` asks the store, of a request without a name.

    That a device's record exists implies its enterprise: `delete_enterprise` takes away every device before it answers (and after a crash
    before the server serves), and an operation issued meanwhile ends with its device. So the enterprise costs no read here; it is read
    only to say why a device does not exist.

    Raises: InvalidArgument: more than a message to a phone can carry; RoleInsufficient. What the rule raises: `issue_command`.
    """
    size = _size(command)
    if size > COMMAND_MAX_BYTES:
        description = f"The command has {size} bytes as its device receives it; at most {COMMAND_MAX_BYTES} fit into a message: shorten it."
        raise InvalidArgument(violations=[Violation(ROOT, description)])

    judging = permit if permit is not None and permit.judges(command.row) else None
    checked = command.secrets is not None or command.row.check_on is not no_violations_on

    # In quotes: else the types would be made for every command.
    def rule(facts: "Facts") -> "Decision[Operation | None]":
        device = facts.device
        if device is None:
            return Decision(None)
        counts = () if judging is None else judging.judge(device, facts.records, row=command.row, now_us=facts.now_us)
        if checked:
            _check_against_device(command, device)
            require_sealed_fits(command, device)
        if facts.open_count >= ports.limits.open_operations_most:
            raise TooManyOpenOperations(metadata={"limit": str(ports.limits.open_operations_most)})
        if size > SMALL_BYTES:
            _check_open_bytes(facts, size, ports.limits)
        operation = _queued(ports, command, device, facts, caller=caller.email)
        if facts.records and (held := held_back(facts, operation, device, caller)) is not None:
            return Decision(held.operation, (PutOperation(held.operation, new=True), Put(held.approval), *map(Put, counts)))
        put = (PutOperation(operation, new=True),)
        return Decision(operation, (*put, *map(Put, counts)) if counts else put, ring=device.name)

    seen: tuple[RecordName, ...] = rules_seen(command.row.name, device.enterprise)
    if judging is not None:
        seen = (*seen, *judging.tallies(command.row))
    if size <= SMALL_BYTES and not seen:
        return Issuing(SeesDevice(device=device), rule)
    return Issuing(Sees(device=device, open_operations=size > SMALL_BYTES, records=seen), rule)


def issuing_to_each(
    ports: Ports, devices: Iterable[DeviceName], command: IssuedCommand, *, caller: Caller = ANYBODY, permit: Permit | None = None
) -> Iterator[Ask[Operation | None]]:  # fmt: skip
    """What `Store.decide_many` is asked, to issue the command to each of these devices: as `issuing`, of one after the other.

    Raises (from the first step on): as `issuing`.
    """
    for _, together in itertools.groupby(devices, key=attrgetter("enterprise")):
        first = next(together)
        asked = issuing(ports, first, command, caller=caller, permit=permit)
        besides = msgspec.structs.replace(asked.sees, device=None)
        for device in itertools.chain((first,), together):
            yield device, besides, asked.rule


async def issue_command(
    ports: Ports, device: DeviceName, command: IssuedCommand, *, caller: Caller = ANYBODY, permit: Permit | None = None,
    request_id: str = "",
) -> Operation:  # fmt: skip
    """The operation is durable, QUEUED, and its device's bell rings; or it awaits the approval that the enterprise's rules demand.

    `permit`: what the caller may; None: the server itself asks.

    With a `request_id`, the same request gets the same operation for 24 hours, as it is by then.

    Raises: InvalidArgument: params that this device refuses for certain, or more than a message to a phone can carry;
        TooManyOpenOperations; OpenCommandsTooLarge; TooManyRequestIds; RequestIdReused: by another request;
        RoleInsufficient, TooManyThisHour, BlastRadiusReached; EnterpriseNotAuthorized, DeviceNoLongerManaged, NotFound.
    """
    asked = issuing(ports, device, command, caller=caller, permit=permit)
    if request_id:
        operation = await _issue_once(ports, device, command, request_id=request_id, sees=asked.sees, rule=asked.rule)
    else:
        operation = await ports.store.decide(asked.sees, asked.rule)
    if operation is None:
        raise await device_absence(ports, device)
    return operation


def _check_open_bytes(facts: Facts, size: int, limits: Limits) -> None:
    """Raises: OpenCommandsTooLarge."""
    held = sum(len(operation.command) + len(operation.secret or b"") for operation in facts.open_operations)
    if held + size > limits.open_bytes_most:
        message = (
            f"The device has {held} bytes of unfinished commands; with this one they would exceed "
            f"{limits.open_bytes_most}. Wait for them, or cancel some."
        )
        raise OpenCommandsTooLarge(message, metadata={"limit": str(limits.open_bytes_most)})


def _size(command: IssuedCommand) -> int:
    """The bytes of the Command that its phone gets; of a small one, as many or a few more."""
    most = len(command.command) + len(command.row.name) + _TYPE_BYTES
    if command.secrets is not None:
        most += len(command.secrets)
    if most <= COMMAND_MAX_BYTES:
        return most
    if command.secrets is None:
        return len(ENVELOPE.full_command(command.row.name, command.command))
    return len(ENVELOPE.full_command(command.row.name, ENVELOPE.merge_secrets(command.command, command.secrets)))


def _check_against_device(command: IssuedCommand, device: DeviceRecord) -> None:
    row = command.row
    if violations := Violations(row.check_on(command.params, row.params_path, personally_owned=device.personally_owned)):
        raise InvalidArgument(violations=violations)


def _queued(ports: Ports, command: IssuedCommand, device: DeviceRecord, facts: Facts, *, caller: str) -> Operation:
    now_us = facts.now_us
    # The id is unique and increasing per device, regardless of the clocks of several servers.
    create_ms = max(now_us // 1_000, facts.last_create_ms + 1)
    # Rounded up: no command expires before its duration is over.
    expires_us = create_ms * 1_000 - (-command.duration_ns // 1_000)
    sealed = UNSEALED
    if command.secrets is not None:
        # A rule may run again, and sealing again is harmless: only the run whose writes committed counts, each with its own nonce.
        # It stands in the rule since the name, to which the secret is bound, is known here only.
        sealed = seal_secrets(ports, device, OperationName(device.name, create_ms), command.secrets)
    return Operation(
        device=device.name,
        create_ms=create_ms,
        type=command.row.name,
        command=command.command,
        duration=command.duration,
        user_name=device.user_name,
        expires_us=expires_us,
        deadline_us=expires_us,
        secret=sealed.secret,
        sealed_to=sealed.sealed_to,
        timeline=(TimelineEntry(at_us=now_us, what="issued", detail=caller),),
    )


class RequestIdReused(Aborted):
    """Another request had this Idempotency-Key or requestId in the last 24 hours: use a new one for another device or command."""

    reason = "REQUEST_ID_REUSED"


async def _issue_once(
    ports: Ports, device: DeviceName, command: IssuedCommand, *, request_id: str, sees: Sees, rule: Rule[Operation | None]
) -> Operation | None:
    """What `rule` (it `sees` this) gives for the first request of this name; for every later one, the first one's operation as it is now.

    Raises: RequestIdReused: the name was another request's; TooManyRequestIds: for a new name; what `rule` raises, and then the name is
        free as before.
    """
    key = RequestKey(device.enterprise, request_id)
    whole = _digest(ports, device, command, command.secrets or b"")
    without_secrets = _digest(ports, device, command, b"")
    limits = ports.limits
    known = await ports.turns.request_ids(ports.store, device.parent, now_us=ports.clock.now_us(), most=limits.request_ids_most)

    def once(facts: Facts) -> Decision[Operation | IssueRequest | None]:
        if facts.request is not None:
            # The phone may have got its key since: of which kind the stored digest is, it shows itself.
            known_as = [hmac.compare_digest(facts.request.digest, one) for one in (whole, without_secrets)]
            if not any(known_as):
                raise RequestIdReused
            return Decision(facts.request)
        require_room_for_request_id(known, limits)
        decision = rule(facts)
        if decision.answer is None:
            return Decision(None)
        # A digest of what is sealed to its phone would show the server's key file a PIN: a million guesses.
        digest = without_secrets if decision.answer.sealed_to else whole
        request = IssueRequest(
            key=key,
            device=device,
            create_ms=decision.answer.create_ms,
            digest=digest,
            expires_us=facts.now_us + REQUEST_ID_LIFE_S * 1_000_000,
        )
        return Decision(decision.answer, (*decision.writes, Put(request)), ring=decision.ring)

    # A new one: what says that it asks for a device alone stays of its class when it is copied.
    named = Sees(device=sees.device, open_operations=sees.open_operations, records=sees.records, request=key)
    issued = await ports.store.decide(named, once)
    if isinstance(issued, IssueRequest):
        return await get_operation(ports, OperationName(issued.device, issued.create_ms))
    if issued is not None:
        ports.turns.request_id_added(device.parent)
    return issued


def _digest(ports: Ports, device: DeviceName, command: IssuedCommand, secrets: bytes) -> bytes:
    """What is the same for two requests that ask for the same.

    Keyed, because it outlives the secrets of its operation, and a PIN's plain hash would reveal the PIN.
    """
    parts = (str(device).encode(), command.row.name.encode(), command.duration.encode(), command.command, secrets)
    digest = hmac.new(ports.vault.derive("issue requests"), digestmod=hashlib.sha256)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()
