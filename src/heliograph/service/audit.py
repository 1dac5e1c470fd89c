"""The audit trail's own verbs: what is recorded besides changes, checkpoints and retention. What reads it is in audit_entries.py."""

import asyncio
import contextlib
from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING, NoReturn, Protocol

import msgspec
import structlog

from heliograph.domain.access import Caller
from heliograph.domain.audit import (
    CHECKPOINT_STREAM,
    OK,
    SERVER_STREAM,
    Acting,
    AuditEntry,
    Checkpoint,
    Head,
    KeyAddress,
    KeyAddressName,
    checkpoint_of,
)
from heliograph.protojson.errors import HeliographError, Unauthenticated, Unavailable
from heliograph.service.acting import ACTING
from heliograph.service.audit_book import Repeated, WitnessState
from heliograph.service.audit_log import AddAuditEntry, AddCheckpoint
from heliograph.service.ports import Decision, Facts, Lane, Ports, Put, Sees

if TYPE_CHECKING:
    from heliograph.service.audit_signing import CheckpointSigner

log = structlog.get_logger()

CHECKPOINT_EVERY_S = 5.0
"""How long a change may be in the trail unsigned: one signature costs 50 µs."""
SWEEP_EVERY_S = 3_600.0
SWEPT_AT_ONCE = 500
"""Blocks in one commit."""
CHECKPOINTS_AT_ONCE = 1_000
REPEATED_WITHIN_US = 60_000_000
"""The same refusal again within this time is counted, not recorded: who is refused must not fill the disk."""
REFUSALS_MOST = 1_000
"""Different refusals within that time; beyond that they are recorded without resource and address."""
DAY_US = 86_400 * 1_000_000


class Witness(Protocol):
    """Someone outside of the database who keeps checkpoints."""

    async def witness(self, checkpoint: Checkpoint) -> None:
        """The witness has the checkpoint.  Raises: WitnessUnreachable."""

    async def close(self) -> None:
        """Nothing more is sent."""


class WitnessUnreachable(Unavailable):
    """The witness of the audit trail did not take the checkpoint."""


# What is recorded besides changes.


async def record(ports: Ports, *entries: AuditEntry, stream: str = SERVER_STREAM) -> None:
    """The entries are durable, if a trail is kept.  Raises: as Store."""
    if ports.store.audited and entries:
        if stream == CHECKPOINT_STREAM:  # a caller may name any enterprise, this one too
            stream = SERVER_STREAM
        writes = tuple(AddAuditEntry(stream, entry) for entry in entries)
        await ports.store.decide(Sees(), lambda _: Decision(None, writes), lane=Lane.TIMERS)


def entry_of(acting: Acting, *, resource: str = "", error: HeliographError | None = None, type: str = "") -> AuditEntry:
    """What the party did, or tried to do and was refused."""
    return AuditEntry(
        actor_type=acting.actor_type,
        actor=acting.actor,
        key_id=acting.key_id,
        address=acting.address,
        method=acting.method,
        resource=resource,
        type=type,
        outcome=OK if error is None else error.code.name,
        reason="" if error is None else error.reason,
        # Paths only: a message may quote what the caller wrote, a password in the wrong place included.
        fields=() if error is None else tuple(violation.field for violation in error.violations),
    )


async def record_rejection(ports: Ports, acting: Acting, error: HeliographError, *, resource: str, enterprise: str = "") -> None:
    """The refusal is durable before it is answered; the same one again within a minute is counted and recorded with its number.

    If the store refuses too, the refusal waits with those that are counted.
    """
    if not ports.store.audited or acting.silent:
        return
    if isinstance(error, Unauthenticated):
        resource, enterprise = "", ""  # anyone can name as many as they like
    entry, stream = entry_of(acting, resource=resource, error=error), enterprise or SERVER_STREAM
    refusals, now_us = ports.audit.refusals, ports.clock.now_us()
    if entry not in refusals and len(refusals) >= REFUSALS_MOST:
        entry, stream = msgspec.structs.replace(entry, resource="", address="", fields=()), SERVER_STREAM
    if (known := refusals.get(entry)) is not None:
        known.again += 1
        return
    refusals[entry] = repeated = Repeated(stream, entry, now_us)
    try:
        await record(ports, entry, stream=stream)
    except Unavailable:
        repeated.again += 1


async def record_repeated(ports: Ports, *, all_of_them: bool = False) -> None:
    """Refusals that repeated are recorded with their number, once their minute is over.  Raises: as Store."""
    refusals, now_us = ports.audit.refusals, ports.clock.now_us()
    for entry, repeated in list(refusals.items()):
        if all_of_them or now_us - repeated.since_us >= REPEATED_WITHIN_US:
            if repeated.again:
                await record(ports, msgspec.structs.replace(entry, count=repeated.again), stream=repeated.stream)
            del refusals[entry]


async def note_address(ports: Ports, caller: Caller, address: str) -> None:
    """A key that was never used from this address before is recorded, once: also by several servers, and after a restart."""
    used = caller.key_id, address
    if used in ports.audit.addresses or not ports.store.audited:
        return
    acting = Acting.caller(caller, method="keys.useFromNewAddress", address=address)
    name = KeyAddressName(caller.key_id, address)

    def rule(facts: Facts) -> Decision[None]:
        if facts.record(KeyAddress) is not None:
            return Decision(None)
        entry = entry_of(acting, resource=f"keys/{caller.key_id}")
        return Decision(None, (Put(KeyAddress(name=name, since_us=facts.now_us)), AddAuditEntry(SERVER_STREAM, entry)))

    with contextlib.suppress(Unavailable):  # the next call tries again
        await ports.store.decide(Sees(records=(name,)), rule)
        ports.audit.addresses.add(used)


# Checkpoints and retention.


async def keep_audit_trail(
    ports: Ports, signer: "CheckpointSigner", witnesses: Sequence[Witness], *, options: tuple[str, ...] = ()
) -> NoReturn:
    """The trail is signed every few seconds, sent to its witnesses, and its oldest blocks go when their retention ends.

    `options`: what of the server's start is worth an entry.
    """
    owed: dict[Witness, Checkpoint] = {}
    ports.audit.witnesses.update(dict.fromkeys(witnesses, WitnessState()))
    started, swept_s = False, 0.0
    loop = asyncio.get_running_loop()
    while True:
        try:
            if not started:
                await record(ports, AuditEntry(actor_type=ACTING.get().actor_type, method="server.start", fields=options))
                started = True
            await record_repeated(ports)
            if (checkpoint := await sign_trail(ports, signer)) is not None:
                owed.update(dict.fromkeys(witnesses, checkpoint))
            if not swept_s or loop.time() - swept_s >= SWEEP_EVERY_S:
                swept_s = loop.time()
                await sweep_trail(ports, signer)
        except Unavailable:
            # The store says so itself (/readyz).
            await asyncio.sleep(CHECKPOINT_EVERY_S)
            continue
        await send_checkpoints(owed, ports.audit.witnesses)
        await asyncio.sleep(CHECKPOINT_EVERY_S)


async def sign_trail(ports: Ports, signer: "CheckpointSigner") -> Checkpoint | None:
    """The newest block is signed, unless it is already; the new checkpoint.  Raises: as Store."""
    head, _, unsigned = await ports.store.audit_state()
    if not unsigned:
        return None
    checkpoint = signer.sign(head, now_us=ports.clock.now_us())
    await _add(ports, checkpoint)
    return checkpoint


async def _add(ports: Ports, checkpoint: Checkpoint) -> None:
    await ports.store.decide(Sees(), lambda _: Decision(None, (AddCheckpoint(checkpoint),)), lane=Lane.TIMERS)


async def send_checkpoints(owed: dict[Witness, Checkpoint], states: MutableMapping[object, WitnessState] | None = None) -> None:
    """Every witness that can be reached has its checkpoint; the newest of several says all that the others would.

    `states`: what is known of each, to be kept up to date.
    """
    known = {} if states is None else states
    for witness, checkpoint in list(owed.items()):
        try:
            await witness.witness(checkpoint)
        except WitnessUnreachable as error:
            log.warning("audit.witness_unreachable", why=error.message)
            known[witness] = WitnessState(known.get(witness, WitnessState()).confirmed, error.message)
        else:
            del owed[witness]
            known[witness] = WitnessState(checkpoint)


async def sweep_trail(ports: Ports, signer: "CheckpointSigner") -> int:
    """Blocks past their retention are gone, up to a signed one; a checkpoint says so, from which the chain goes on. How many went.

    Raises: as Store.
    """
    before_us = ports.clock.now_us() - ports.limits.audit_retention_days * DAY_US
    removed = 0
    while (floor := await _floor(ports, before_us)).number:
        await _add(ports, signer.sign(floor, now_us=ports.clock.now_us(), retention=True))
        while gone := await ports.store.sweep_audit(floor.number, limit=SWEPT_AT_ONCE):
            removed += gone
            await asyncio.sleep(0)
    return removed


async def _floor(ports: Ports, before_us: int) -> Head:
    """The newest block that a checkpoint before this time signs, of those at the trail's beginning; number 0: there is none."""
    blocks = await ports.store.audit_blocks_after(CHECKPOINT_STREAM, after=0, limit=CHECKPOINTS_AT_ONCE)
    oldest = await ports.store.audit_blocks_after(None, after=0, limit=1)
    floor = Head()
    for block in blocks:
        if (checkpoint := checkpoint_of(block)) is None:
            continue
        if checkpoint.signed_us > before_us:
            break
        if not checkpoint.retention and checkpoint.number >= oldest[0].number:
            floor = Head(checkpoint.number, bytes.fromhex(checkpoint.digest))
    return floor
