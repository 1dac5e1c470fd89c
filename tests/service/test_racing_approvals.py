"""Approvals under everything that can happen at once, on real stores of both engines, the second with two servers.

What two people decide at the same moment is decided once, and no phone learns of a command before it is approved. Nothing is modelled:
what is checked is what callers were answered, what phones were offered, and what is stored.
"""

import asyncio
import contextlib
import itertools
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule, run_state_machine_as_test

from heliograph.commands import ENVELOPE
from heliograph.domain.access import Caller
from heliograph.domain.approval import ApprovalRule, ApprovalRules, ApprovalState, OwnApproval
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.longrunning import render_operation
from heliograph.domain.names import ApprovalName, EnterpriseName, OperationName
from heliograph.domain.operation import State
from heliograph.domain.outcome import DEVICE_DELETED
from heliograph.protocol import Execute
from heliograph.protojson.errors import Aborted, FailedPrecondition, NotFound
from heliograph.protojson.messages import Duration
from heliograph.service.approval_gate import ApprovalRequired, operation_approval
from heliograph.service.approvals import approve, call_off, decline, get_approval, set_approval_rules
from heliograph.service.devices import delete_device
from heliograph.service.enterprises import create_enterprise
from heliograph.service.expire_operations import expiry_rule
from heliograph.service.issue_command import issue_command
from heliograph.service.offer_command import OfferBook
from heliograph.service.operations import cancel_operation, get_operation
from heliograph.service.ports import Offering, Ports
from heliograph.storage.postgres.store import PostgresStore
from heliograph.storage.sqlite.store import SqliteStore
from heliograph.storage.vault import FileVault
from tests.patience import PATIENCE_S
from tests.service.world import CountedIds, Here, Phone, SettableClock, World
from tests.state_machines import stateful

ALICE, BOB, CAROL = (Caller(email=f"{name}@key", person=f"{name}@example.com", key_id=name) for name in ("alice", "bob", "carol"))
GRACE_S = 30
RULES = {
    "none": ApprovalRules(),
    "one": ApprovalRules(rules=(ApprovalRule(command_types=("WIPE",)),)),
    "two, with grace": ApprovalRules(rules=(ApprovalRule(command_types=("WIPE",), approvals=2, grace_period=Duration(f"{GRACE_S}s")),)),
}
STEPS = st.sampled_from(
    ("bob approves", "carol approves", "alice approves", "bob declines", "alice calls off", "cancel", "ack", "offer", "due", "reconnect")
)
WIPE = ENVELOPE.decode(b'{"type":"WIPE"}')
Servers = Callable[[], AbstractAsyncContextManager[list[World]]]
_numbers = itertools.count(1)


def world_on(store: Any, folder: Path, clock: SettableClock, here: Here, ids: CountedIds, enterprise: EnterpriseName) -> World:  # noqa: ANN401
    """A server's inside around this store."""
    ports = Ports(
        store=store, doorbell=here, clock=clock, ids=ids, vault=FileVault(folder / "heliograph.key"), offers=OfferBook(), presence=here,
        page_secret=b"page secret", shared=True,
    )  # fmt: skip
    return World(ports, clock, here, enterprise)


@contextlib.asynccontextmanager
async def on_sqlite() -> AsyncIterator[list[World]]:
    """One server."""
    clock, here, enterprise = SettableClock(), Here(), EnterpriseName("LCapprove")
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore.open(Path(folder) / "heliograph.db", clock=clock, ring=here.ring, durable=False, waits_most_s=PATIENCE_S)
        try:
            yield [world_on(store, Path(folder), clock, here, CountedIds(), enterprise)]
        finally:
            await store.close()


def on_postgres(database: str) -> Servers:
    """Two servers on one database, in an enterprise that no example before had."""
    ids = CountedIds()

    @contextlib.asynccontextmanager
    async def servers() -> AsyncIterator[list[World]]:
        clock, enterprise = SettableClock(), EnterpriseName(f"LCapprove{next(_numbers)}")
        async with contextlib.AsyncExitStack() as closing:
            folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
            worlds = []
            for _ in range(2):
                here = Here()
                store = await PostgresStore.open(database, clock=clock, ring=here.ring, waits_most_s=PATIENCE_S)
                closing.push_async_callback(store.close)
                worlds.append(world_on(store, folder, clock, here, ids, enterprise))
            yield worlds

    return servers


class Seen:
    """What was answered and offered about one command."""

    def __init__(self, phone: Phone, needed: int, grace_s: int) -> None:
        self.phone = phone
        self.needed = needed
        self.grace_s = grace_s
        self.approved_us: int | None = None
        """When the last person needed was answered that it is approved."""
        self.votes: set[str] = set()
        self.declined = self.called_off = False
        self.executed = False
        self.final: bytes | None = None


class RacingApprovals(RuleBasedStateMachine):
    """One enterprise whose rules change, one phone after another."""

    servers: Servers
    wipes = Bundle("wipes")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.closing = contextlib.AsyncExitStack()
        self.turns = itertools.count()
        self.seen: dict[OperationName, Seen] = {}
        self.in_force = "none"
        self.worlds: list[World] = []
        self.phone: Phone

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever the work gives
        return self.runner.run(work)

    @property
    def ports(self) -> Ports:
        """Another server's each time."""
        return self.worlds[next(self.turns) % len(self.worlds)].ports

    @property
    def now_us(self) -> int:
        return self.worlds[0].clock.now_us()

    @initialize(rules=st.sampled_from(sorted(RULES)))
    def opens(self, rules: str) -> None:
        self.worlds = self.run(self.closing.enter_async_context(type(self).servers()))
        self.run(create_enterprise(self.ports, Enterprise(), enterprise_id=self.worlds[0].enterprise.enterprise))
        self.phone = self.run(self.worlds[0].phone())
        self.run(self._change(rules))

    def teardown(self) -> None:
        self.run(self.closing.aclose())
        self.runner.close()

    @rule(rules=st.sampled_from(sorted(RULES)))
    def change_rules(self, rules: str) -> None:
        """As many people as the rules until then demand agree to it."""
        self.run(self._change(rules))

    async def _change(self, rules: str) -> None:
        async def change() -> None:
            await set_approval_rules(self.ports, self.worlds[0].enterprise, RULES[rules], ALICE)

        try:
            await change()
        except ApprovalRequired as required:
            name = ApprovalName.parse(required.metadata["approval"])
            for approver in (BOB, CAROL)[: 2 if "two" in self.in_force else 1]:
                await approve(self.ports, name, approver, digest=required.metadata["digest"])
            await change()
        self.in_force = rules

    @rule(target=wipes, count=st.integers(1, 2))
    def issue(self, count: int) -> Any:  # noqa: ANN401 - Hypothesis's own
        names = [self.run(issue_command(self.ports, self.phone.name, WIPE, caller=ALICE)).name for _ in range(count)]
        for name in names:
            needed = {"none": 0, "one": 1}.get(self.in_force, 2)
            self.seen[name] = Seen(self.phone, needed, GRACE_S if needed == 2 else 0)
        return multiple(*names)

    @rule(name=wipes, steps=st.lists(STEPS, min_size=1, max_size=4), delete=st.integers(0, 9))
    def race(self, name: OperationName, steps: list[str], delete: int) -> None:
        """All at once, each at another server."""
        racing: list[Awaitable[None]] = [self._step(name, step) for step in steps]
        if delete == 0:
            racing.append(self._delete())

        async def together() -> None:
            await asyncio.gather(*racing)
            await self._look()

        self.run(together())

    @rule(name=wipes)
    def approve_and_decline_at_once(self, name: OperationName) -> None:
        self.race(name, ["bob approves", "carol approves", "bob declines", "alice calls off"], 1)

    @rule(name=wipes, then=st.sampled_from(("carol approves", "alice approves", "offer")))
    def one_person_s_word_twice(self, name: OperationName, then: str) -> None:
        self.race(name, ["bob approves", "bob approves"], 1)
        self.race(name, ["bob approves", then, "ack"], 1)

    @rule(name=wipes, off_us=st.integers(-1, 1))
    def approve_as_it_expires(self, name: OperationName, off_us: int) -> None:
        """Within a microsecond of its end."""
        operation = self.run(get_operation(self.ports, name))
        self.worlds[0].clock.advance(max(0, operation.expires_us + off_us - self.now_us) / 1_000_000)
        self.race(name, ["due", "bob approves", "carol approves", "ack"], 1)

    @rule(seconds=st.sampled_from((1, GRACE_S - 0.5, GRACE_S, 300)))
    def advance(self, seconds: float) -> None:
        self.worlds[0].clock.advance(seconds)
        self.run(self._look())

    @invariant()
    def no_phone_is_offered_what_is_not_approved(self) -> None:
        if not hasattr(self, "phone"):
            return
        for world in self.worlds:
            waiting = self.run(world.ports.store.open_operations(self.phone.name))
            found = world.ports.offers.next_offer(world.ports, self.phone.name, self.phone.connection, waiting, poll=True)
            if isinstance(found, Offering):
                self._may_be_known(self.seen[OperationName.parse(found.offer.operation)])

    def _may_be_known(self, seen: Seen) -> None:
        if seen.needed:
            assert seen.approved_us is not None, "shown to its phone before it was approved"
            assert self.now_us >= seen.approved_us + seen.grace_s * 1_000_000, "shown to its phone while it could be called off"
        assert not seen.declined

    async def _step(self, name: OperationName, step: str) -> None:
        seen = self.seen[name]
        with contextlib.suppress(NotFound, Aborted, FailedPrecondition):
            match step.split(maxsplit=1):
                case [who, "approves"]:
                    await self._approves(name, seen, {"alice": ALICE, "bob": BOB, "carol": CAROL}[who])
                case ["bob", _]:
                    await decline(self.ports, operation_approval(name), BOB, reason="no")
                    seen.declined = True
                case ["alice", _]:
                    await call_off(self.ports, operation_approval(name), ALICE)
                    seen.called_off = True
                case ["cancel"]:
                    await cancel_operation(self.ports, name)
                case ["ack"]:
                    answer = await seen.phone.acknowledges(name)
                    if isinstance(answer, Execute):
                        seen.executed = True
                case ["due"]:
                    ports = self.ports
                    await ports.store.decide_due(expiry_rule(ports, []), limit=50)
                case ["reconnect"]:
                    seen.phone.reconnects()
                case _:
                    await seen.phone.hears()

    async def _approves(self, name: OperationName, seen: Seen, who: Caller) -> None:
        ports, approval = self.ports, operation_approval(name)
        digest = (await get_approval(ports, approval)).approval.digest
        try:
            standing = await approve(ports, approval, who, digest=digest)
        except OwnApproval:
            assert who is ALICE
            return
        assert who is not ALICE, "approved her own"
        seen.votes.add(who.actor)
        if standing.approval.state is ApprovalState.APPROVED and seen.approved_us is None:
            seen.approved_us = standing.approval.decided_us

    async def _delete(self) -> None:
        with contextlib.suppress(NotFound):
            await delete_device(self.ports, self.phone.name)

    async def _look(self) -> None:
        for name, seen in self.seen.items():
            operation = await get_operation(self.ports, name)
            if seen.needed:
                await self._judge(name, seen, operation.state)
            if seen.executed and operation.error is None:
                self._may_be_known(seen)
                assert State.SUCCEEDED is operation.state
            if operation.done:
                shown = render_operation(operation)
                assert seen.final in (None, shown), "a final operation changed"
                seen.final = shown
                if seen.declined and operation.error != DEVICE_DELETED:
                    assert operation.error is not None
                    assert "declined by bob@example.com: no" in operation.error.message
                assert sum(entry.what in {"declined", "called off", "cancelled", "expired"} for entry in operation.timeline) <= 1
        if await self.ports.store.device(self.phone.name) is None:
            assert all([(await get_operation(self.ports, name)).done for name, seen in self.seen.items() if seen.phone is self.phone])
            self.phone = await self.worlds[0].phone()

    async def _judge(self, name: OperationName, seen: Seen, state: State) -> None:
        stored = (await get_approval(self.ports, operation_approval(name))).approval
        assert stored.asked_by not in {vote.actor for vote in stored.votes}
        assert len({vote.actor for vote in stored.votes}) == len(stored.votes) <= seen.needed
        assert seen.votes <= {vote.actor for vote in stored.votes}
        assert not (seen.declined and seen.approved_us is not None), "both approved and declined"
        if state is State.AWAITING_APPROVAL:
            assert ApprovalState.PENDING is stored.state
            assert len(stored.votes) < seen.needed
        if state in {State.QUEUED, State.SUCCEEDED}:
            assert ApprovalState.APPROVED is stored.state
            assert len(stored.votes) == seen.needed
        if stored.state is ApprovalState.CALLED_OFF:
            assert State.CANCELLED is state


def test_on_sqlite() -> None:
    machine = type("RacingApprovalsOnSqlite", (RacingApprovals,), {"servers": staticmethod(on_sqlite)})
    run_state_machine_as_test(machine, settings=stateful(examples=25, steps=25))


@pytest.mark.usefixtures("postgres")
def test_on_two_servers_with_postgresql(database: str) -> None:
    machine = type("RacingApprovalsOnPostgres", (RacingApprovals,), {"servers": staticmethod(on_postgres(database))})
    run_state_machine_as_test(machine, settings=stateful(examples=8, steps=20))
