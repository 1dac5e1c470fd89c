"""A command's life under everything that can happen to it at once, against the real store: one final state, once, for ever.

Hypothesis plays callers, phones, time and an admin; steps of a `race` reach the store in one batch. What is checked needs no model
of the server: only what it answered and what it showed.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from heliograph.commands import COMMANDS
from heliograph.domain.longrunning import render_operation
from heliograph.domain.names import OperationName
from heliograph.domain.operation import FINAL, Operation, State
from heliograph.protocol import Drop, DropWhy, Execute, Offer, ReportState
from heliograph.protojson.errors import Aborted, NotFound
from heliograph.service.devices import delete_device
from heliograph.service.operations import cancel_operation
from tests.service.world import ACK_A, ACK_B, Phone, World, world
from tests.state_machines import stateful

BODIES = (
    '{"type":"LOCK"}',
    '{"type":"REBOOT","duration":"5s"}',
    '{"type":"REMOVE_ESIM","removeEsimParams":{"iccId":"8900000000000000001"}}',
    '{"type":"RESET_PASSWORD","newPassword":"correct horse"}',
    '{"type":"WIPE"}',
)
PENDING, DONE = {"status": "PENDING_USER_ACTION"}, {"status": "SUCCESS"}
AFTER = {State.QUEUED: set(State), State.ACKNOWLEDGED: {State.ACKNOWLEDGED, State.SUCCEEDED, State.FAILED, State.EXPIRED}}
STEPS = st.tuples(
    st.sampled_from(
        (
            "cancel",
            "ack a",
            "ack b",
            "refuse",
            "progress",
            "asks",
            "begin a",
            "begin b",
            "succeed",
            "fail",
            "not started",
            "hello",
            "offer",
            "reconnect",
        )
    ),
    st.integers(0, 5),
    st.integers(1, 4),
)


class Seen:
    """What was observed of one operation."""

    def __init__(self) -> None:
        self.state = State.QUEUED
        self.final: bytes | None = None
        self.executes: set[str] = set()
        self.dropped: set[str] = set()
        self.succeeded_by: set[str] = set()
        self.not_started = False
        self.asked = False
        """Whether its phone said that it asks its user, and has done nothing yet."""
        self.begun = False
        """Whether its phone was let begin, or reported as if it had."""


class RacingOperations(RuleBasedStateMachine):
    """One phone after another in one world."""

    issued = Bundle("issued")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.closing = contextlib.AsyncExitStack()
        self.seen: dict[OperationName, Seen] = {}
        self.owners: dict[OperationName, Phone] = {}

        self.lab: World
        self.phone: Phone

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever the work gives
        return self.runner.run(work)

    @initialize(target=issued, body=st.sampled_from(BODIES))
    def opens(self, body: str) -> Any:  # noqa: ANN401 - Hypothesis's own
        """A server with one phone and two commands."""
        folder = self.closing.enter_context(tempfile.TemporaryDirectory())
        self.lab = self.run(self.closing.enter_async_context(world(Path(folder))))
        self.phone = self.run(self.lab.phone())
        return self._issue(body, 2)

    def teardown(self) -> None:
        self.run(self.closing.aclose())
        self.runner.close()

    @rule(target=issued, body=st.sampled_from(BODIES), count=st.integers(1, 3))
    def issue(self, body: str, count: int) -> Any:  # noqa: ANN401 - Hypothesis's own
        return self._issue(body, count)

    def _issue(self, body: str, count: int) -> Any:  # noqa: ANN401 - Hypothesis's own
        names = [self.run(self.lab.issue(self.phone.name, body)) for _ in range(count)]
        for name in names:
            self.seen[name] = Seen()
            self.owners[name] = self.phone
        return multiple(*names)

    @rule(name=issued, step=STEPS)
    def one(self, name: OperationName, step: tuple[str, int, int]) -> None:
        self.run(self._step(name, step))
        self.run(self._look())

    @rule(names=st.lists(issued, min_size=2, max_size=4), steps=st.lists(STEPS, min_size=4, max_size=4), delete=st.integers(0, 9))
    def race(self, names: list[OperationName], steps: list[tuple[str, int, int]], delete: int) -> None:
        """Several at once; sometimes the device is deleted in the middle."""
        racing = [self._step(name, step) for name, step in zip(names, steps, strict=False)]
        if delete == 0:
            racing.insert(1, self._delete())

        async def together() -> None:
            await asyncio.gather(*racing)
            await self._look()

        self.run(together())

    @rule(name=issued)
    def race_for_one(self, name: OperationName) -> None:
        """Cancel, two agents with one credential, and an admin, all at once for one command."""

        async def together() -> None:
            await asyncio.gather(*(self._step(name, (what, 0, 1)) for what in ("ack a", "cancel", "ack b", "ack a", "refuse")))
            await self._look()

        self.run(together())

    @rule(name=issued, off_us=st.integers(-1, 1), first=st.sampled_from(("ack a", "cancel", "refuse", "succeed")))
    def race_with_the_clock(self, name: OperationName, off_us: int, first: str) -> None:
        """An answer arrives in the microsecond in which the time is over, before any timer had its turn."""

        async def together() -> None:
            operation = await self.lab.operation(name)
            left_us = (operation.deadline_us or 0) + off_us - self.lab.clock.now_us()
            self.lab.clock.advance(max(0, left_us) / 1_000_000)
            await asyncio.gather(*(self._step(name, (what, 0, 4)) for what in (first, "ack a", "cancel")))
            await self._look()

        self.run(together())

    @rule(seconds=st.sampled_from((0.5, 4.5, 59, 599.5, 86_400)), wait=st.booleans())
    def advance(self, seconds: float, wait: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        """Time passes; with or without the timer having had its turn."""
        self.lab.clock.advance(seconds)
        if wait:
            self.run(self.lab.deadlines_pass())
        self.run(self._look())

    @invariant()
    def nothing_ended_is_offered(self) -> None:
        if not hasattr(self, "phone"):
            return
        offer = self.run(self.phone.hears())
        if isinstance(offer, Offer):
            operation = self.run(self.lab.operation(OperationName.parse(offer.operation)))
            assert operation.open
            assert operation.state is State.ACKNOWLEDGED or self.lab.clock.now_us() < operation.expires_us

    async def _step(self, name: OperationName, step: tuple[str, int, int]) -> None:
        what, _choice, seq = step
        phone = self.owners[name]
        before = self.seen[name]
        with contextlib.suppress(NotFound, Aborted):
            match what:
                case "cancel":
                    await cancel_operation(self.lab.ports, name)
                case "ack a" | "ack b":
                    await self._acknowledge(phone, name, ACK_A if what == "ack a" else ACK_B)
                case "begin a" | "begin b":
                    await self._begin(phone, name, ACK_A if what == "begin a" else ACK_B)
                case "asks":
                    await self._asks(phone, name, seq)
                case "refuse":
                    await phone.refuses(name, "UNSUPPORTED")
                case "hello":
                    await phone.greets({name: ACK_A} if seq > 1 else {})
                case "offer":
                    await phone.hears(poll=seq > 2)
                case "reconnect":
                    phone.reconnects()
                case _:
                    before.not_started |= what == "not started"
                    await self._report(phone, name, what, seq)

    async def _acknowledge(self, phone: Phone, name: OperationName, ack_id: str) -> None:
        seen, operation = self.seen[name], await self.lab.operation(name)
        answer = await phone.acknowledges(name, ack_id)
        if isinstance(answer, Execute):
            assert ack_id not in seen.dropped, "dropped, and executed after all"
            assert seen.executes <= {ack_id}, "two owners"
            in_time = seen.executes or operation.ack_id or self.lab.clock.now_us() < operation.expires_us
            assert in_time or await self._was_adopted(name), "started too late"
            seen.executes.add(ack_id)
        else:
            assert isinstance(answer, Drop)
            if answer.drop is DropWhy.TAKEN:
                seen.dropped.add(ack_id)

    async def _begin(self, phone: Phone, name: OperationName, ack_id: str) -> None:
        seen, before = self.seen[name], await self.lab.operation(name)
        answer = await phone.begins(name, ack_id)
        if isinstance(answer, Execute):
            assert seen.state is not State.EXPIRED, "expired, and let begin after all"
            assert ack_id not in seen.dropped, "dropped, and let begin"
            assert before.begun or seen.begun or self.lab.clock.now_us() < before.expires_us, "let begin too late"
            seen.begun = True

    async def _asks(self, phone: Phone, name: OperationName, seq: int) -> None:
        if COMMANDS[(await self.lab.operation(name)).type].status is not None:
            within_ms = await phone.asks(name, seq=seq)
            self.seen[name].asked = True
            operation = await self.lab.operation(name)
            assert operation.begun or within_ms is not None, "asks for as long as it likes"

    async def _was_adopted(self, name: OperationName) -> bool:
        """Whether the phone said that it had begun before the server knew of an acknowledgement."""
        return any(entry.what == "adopted" for entry in (await self.lab.operation(name)).timeline)

    async def _report(self, phone: Phone, name: OperationName, what: str, seq: int) -> None:
        has_status = COMMANDS[(await self.lab.operation(name)).type].status is not None
        match what:
            case "progress":
                await phone.reports(name, ReportState.PROGRESS, seq=seq, status=PENDING if has_status else None)
            case "succeed":
                await phone.reports(name, ReportState.SUCCEEDED, seq=seq, status=DONE if has_status else None)
            case "fail":
                await phone.reports(name, ReportState.FAILED, seq=seq, error_code="UNKNOWN")
            case _:
                await phone.reports(name, ReportState.NOT_STARTED, seq=seq)

    async def _delete(self) -> None:
        with contextlib.suppress(NotFound):
            await delete_device(self.lab.ports, self.phone.name)

    async def _look(self) -> None:
        """Every operation was where it may be, and what is final has not changed."""
        for name, seen in self.seen.items():
            operation = await self.lab.operation(name)
            assert operation.state in AFTER.get(seen.state, {seen.state}), (seen.state, operation.state)
            seen.state = operation.state
            if any(entry.what == "adopted" for entry in operation.timeline):
                seen.executes.add(operation.ack_id)  # the phone said that it had begun
            self._judge(operation, seen)
        if await self.lab.ports.store.device(self.phone.name) is None:
            await self._gone()
            self.phone = await self.lab.phone()

    def _judge(self, operation: Operation, seen: Seen) -> None:
        assert (operation.state in FINAL) == (operation.deadline_us is None) == (operation.ended_us is not None)
        if operation.open:
            assert operation.state is State.ACKNOWLEDGED or not seen.executes
            return
        shown = render_operation(operation)
        assert seen.final in (None, shown), "a final operation changed"
        seen.final = shown
        assert operation.secret is None
        assert b"correct horse" not in shown
        assert sum(entry.what in {"succeeded", "failed", "refused", "cancelled"} for entry in operation.timeline) <= 1
        if operation.state is State.CANCELLED or (operation.state is State.EXPIRED and not seen.not_started and not seen.asked):
            assert not seen.executes or not seen.begun, f"{operation.state.name} and executed"
            assert not seen.executes or self._was_too_late(operation), f"{operation.state.name} and executed"
        if operation.state is State.EXPIRED and not seen.not_started:
            assert not seen.begun, "expired and let begin"
        if any(entry.what == "refused" for entry in operation.timeline):
            assert not seen.executes, "refused and executed"
        if operation.state is State.SUCCEEDED:
            assert seen.executes, "succeeded and never executed"
        if operation.state is State.EXPIRED and not operation.acked_us:
            assert (operation.ended_us or 0) >= operation.expires_us, "expired early"

    def _was_too_late(self, operation: Operation) -> bool:
        """Whether its phone asked to begin when its time was over, without ever having said that it asks its user."""
        return operation.state is State.EXPIRED and (operation.ended_us or 0) >= operation.expires_us

    async def _gone(self) -> None:
        """A device that is gone leaves no open operation; its tombstone answers the ack that ended it, and no other."""
        tombstone = await self.lab.ports.store.tombstone(self.phone.name)
        for name, owner in self.owners.items():
            if owner is not self.phone:
                continue
            assert (await self.lab.operation(name)).done
            if tombstone is not None and tombstone.last_order.operation == str(name):
                assert isinstance(await owner.acknowledges(name, tombstone.ack_id), Execute)
                assert {tombstone.ack_id} == self.seen[name].executes


TestRacingOperations = RacingOperations.TestCase
TestRacingOperations.settings = stateful(examples=25, steps=25)
