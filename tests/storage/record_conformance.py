"""What every Store must do with rules over named records: a suite that a backend's test file subclasses, as conformance.py."""

import asyncio
import hashlib
import itertools
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from heliograph.domain.errors import Overloaded
from heliograph.domain.names import DeviceName, EnrollmentTokenName, PolicyName
from heliograph.domain.policy import PolicyRecord
from heliograph.domain.request_id import IssueRequest, RequestKey
from heliograph.service.outbox import Publish
from heliograph.service.ports import Decision, Delete, Facts, Put, PutOperation, Sees, Store
from heliograph.service.record_rules import RecordDecision, RecordName, RecordRule, Records, RecordWrite
from tests.storage.conformance import OpenStore, enrolled
from tests.storage.outbox_conformance import PUSH, notification
from tests.storage.policy_conformance import policy
from tests.storage.records import (
    ENTERPRISE,
    SECOND_US,
    START_US,
    SetClock,
    device_name,
    enterprise_record,
    look,
    operation,
    token_record,
    write,
)

HEAD = PolicyName(ENTERPRISE.enterprise, "head")
EMPTY = hashlib.sha256().hexdigest()
_numbers = itertools.count(1)


def named(name: str) -> PolicyName:
    """A policy's name: policies stand for records of any kind that has a number."""
    return PolicyName(ENTERPRISE.enterprise, name)


def put(*writes: RecordWrite) -> RecordRule[None]:
    """A rule that writes whatever it sees."""
    return lambda _: RecordDecision(None, writes)


def number_of(records: Records, name: PolicyName) -> int:
    """The number that the record holds; 0: there is none."""
    record = records.one(PolicyRecord, name)
    return record.version if record is not None else 0


def add_one(*names: PolicyName) -> RecordRule[tuple[int, ...]]:
    """A rule that raises the number of each, and answers with what it found."""

    def rule(records: Records) -> RecordDecision[tuple[int, ...]]:
        found = tuple(number_of(records, name) for name in names)
        return RecordDecision(found, [Put(policy(name, version=number + 1)) for name, number in zip(names, found, strict=True)])

    return rule


def move(source: PolicyName, target: PolicyName) -> RecordRule[None]:
    """A rule that takes one from a record and gives it to another; where there is nothing to take, it raises after it has looked."""

    def rule(records: Records) -> RecordDecision[None]:
        left, right = number_of(records, source), number_of(records, target)
        if not left:
            raise ArithmeticError
        return RecordDecision(None, (Put(policy(source, version=left - 1)), Put(policy(target, version=right + 1))))

    return rule


async def numbers_of(store: Store, names: Sequence[PolicyName]) -> list[int]:
    """What the records hold, as readers see it."""
    return [record.version if (record := await store.policy(name)) is not None else 0 for name in names]


# A chain as an audit trail needs it: the head counts and carries the last digest, entries are never written again.


def linked(before: str, what: str) -> str:
    """The digest of an entry after the one that has the digest `before`."""
    return hashlib.sha256(f"{before} {what}".encode()).hexdigest()


def entry_name(number: int) -> PolicyName:
    """An entry's name."""
    return named(f"entry-{number}")


def appended(records: Records, what: str) -> tuple[Put[PolicyRecord], Put[PolicyRecord]]:
    """The writes that append an entry: the entry itself, and the head after it."""
    head = records.one(PolicyRecord, HEAD)
    number, before = (head.version, head.resource.decode()) if head is not None else (0, EMPTY)
    digest = linked(before, what)
    entry = replace(policy(entry_name(number + 1)), resource=f"{what}={digest}".encode())
    return Put(entry), Put(replace(policy(HEAD, version=number + 1), resource=digest.encode()))


def issue_and_append(device: DeviceName) -> Callable[[Facts], Decision[int]]:
    """A device rule that issues a command and appends to the chain, in one decision."""

    def rule(facts: Facts) -> Decision[int]:
        new = operation(device, max(facts.now_us // 1_000, facts.last_create_ms + 1))
        entries = appended(Records((HEAD,), facts), f"{device.device}:{new.create_ms}")
        return Decision(new.create_ms, (PutOperation(new, new=True), *entries))

    return rule


async def chain(store: Store) -> list[str]:
    """What the entries say, first to last; every digest follows from the one before, and the head's is the last one's."""
    head = await store.policy(HEAD)
    assert head is not None
    digest, said = EMPTY, []
    for number in range(1, head.version + 1):
        entry = await store.policy(entry_name(number))
        assert entry is not None
        what, _, written = entry.resource.decode().partition("=")
        digest = linked(digest, what)
        assert digest == written
        said.append(what)
    assert head.resource.decode() == digest
    return said


class RecordConformance:
    """The suite."""

    async def test_a_rule_sees_the_records_of_its_names_whatever_their_kind(self, open_store: OpenStore) -> None:
        """Names of two kinds may be equal as tuples."""
        store = await open_store()
        token, same = token_record("one"), named("one")
        asked = IssueRequest(
            key=RequestKey(*same), device=device_name(), create_ms=1, digest=b"\0digest\xff", expires_us=START_US + SECOND_US
        )  # fmt: skip
        await store.decide_records((), put(Put(enterprise_record()), Put(token), Put(policy(same)), Put(asked)))
        names: list[RecordName] = [ENTERPRISE, EnrollmentTokenName(*same), same, RequestKey(*same), named("none")]

        store = await open_store()
        seen = await store.decide_records(names, lambda records: RecordDecision([records.one(object, name) for name in names]))

        assert [enterprise_record(), token, policy(same), asked, None] == seen

    async def test_a_rule_sees_nothing_that_it_did_not_name(self, open_store: OpenStore) -> None:
        store = await open_store()
        await store.decide_records((), put(Put(policy(HEAD))))

        with pytest.raises(KeyError):
            await store.decide_records((named("other"),), add_one(HEAD))

        assert [1] == await numbers_of(store, [HEAD])

    @pytest.mark.parametrize("name", [("LC0acme", "head"), DeviceName("LC0acme", "0000000000000001")])
    async def test_what_names_no_record_is_refused_before_it_waits(self, open_store: OpenStore, name: RecordName) -> None:
        store = await open_store()

        with pytest.raises(TypeError, match="does not name a record"):
            await store.decide_records((HEAD, name), add_one(HEAD))

        assert (0,) == await store.decide_records((HEAD,), add_one(HEAD))

    @pytest.mark.parametrize(
        "last", [Put(device_name()), Delete(("LC0acme", "head")), Delete(device_name())], ids=["a record", "a name", "a name by hand"]
    )
    async def test_a_write_of_no_kind_is_refused_with_all_of_its_decision(self, open_store: OpenStore, last: RecordWrite) -> None:
        """It would be a mistake of ours; others do not suffer for it."""
        store = await open_store()

        refused, others = await asyncio.gather(
            store.decide_records((HEAD,), put(Put(policy(HEAD)), last)),
            store.decide_records((named("other"),), add_one(named("other"))),
            return_exceptions=True,
        )

        assert isinstance(refused, TypeError)
        assert "give its kind a row in KINDS" in str(refused)
        assert (0,) == others
        assert [0, 1] == await numbers_of(store, [HEAD, named("other")])

    async def test_to_read_a_record_of_no_kind_is_refused(self, open_store: OpenStore) -> None:
        store = await open_store()

        with pytest.raises(TypeError, match="DeviceName is not a record of a kind"):
            await store.record(DeviceName, device_name())

    async def test_a_rule_that_raises_writes_nothing_and_harms_no_other(self, open_store: OpenStore) -> None:
        store = await open_store()

        answers = await asyncio.gather(
            store.decide_records((HEAD,), add_one(HEAD)),
            store.decide_records((named("empty"), HEAD), move(named("empty"), HEAD)),
            store.decide_records((HEAD,), add_one(HEAD)),
            return_exceptions=True,
        )

        assert isinstance(answers[1], ArithmeticError)
        assert [(0,), (1,)] == [answers[0], answers[2]]
        assert [2, 0] == await numbers_of(store, [HEAD, named("empty")])

    async def test_record_rules_and_device_rules_run_in_the_order_in_which_they_came(self, open_store: OpenStore) -> None:
        store = await open_store()

        first, _, second, third, _, gone = await asyncio.gather(
            store.decide_records((HEAD,), add_one(HEAD)),
            store.decide(Sees(policy=HEAD), write(Put(policy(HEAD, version=8)))),
            store.decide_records((HEAD,), add_one(HEAD)),
            store.decide(Sees(records=(HEAD, named("none"))), look),
            store.decide_records((HEAD,), put(Delete(HEAD))),
            store.decide(Sees(policy=HEAD), look),
        )

        assert [(0,), (8,)] == [first, second]
        assert (policy(HEAD, version=9), None) == third.records
        assert gone.policy is None

    async def test_what_was_decided_is_there_after_a_restart(self, open_store: OpenStore) -> None:
        store = await open_store()
        await asyncio.gather(*(store.decide_records((HEAD,), add_one(HEAD)) for _ in range(5)))

        store = await open_store()

        assert [5] == await numbers_of(store, [HEAD])
        assert (5,) == await store.decide_records((HEAD,), add_one(HEAD))

    async def test_records_of_a_deleted_enterprise_are_seen_no_more_also_within_a_batch(self, open_store: OpenStore) -> None:
        store = await open_store()
        names: list[RecordName] = [ENTERPRISE, HEAD, EnrollmentTokenName(ENTERPRISE.enterprise, "one")]
        await store.decide_records((), put(Put(enterprise_record()), Put(policy(HEAD)), Put(token_record("one"))))

        store = await open_store()
        _, seen = await asyncio.gather(
            store.decide_records((ENTERPRISE,), put(Delete(ENTERPRISE))),
            store.decide_records(names, lambda records: RecordDecision([records.one(object, name) for name in names])),
        )

        assert [None, None, None] == seen

    async def test_a_record_past_its_expiry_is_not_seen(self, open_store: OpenStore) -> None:
        """As a session: each use puts its end off, until it was not used for too long."""
        clock, key = SetClock(), RequestKey(ENTERPRISE.enterprise, "session")
        store = await open_store(clock=clock)

        def use(records: Records) -> RecordDecision[bool]:
            known = records.one(IssueRequest, key)
            fresh = IssueRequest(key=key, device=device_name(1), create_ms=1, digest=b"", expires_us=records.now_us + SECOND_US)
            return RecordDecision(known is not None, (Put(fresh),))

        seen = []
        for wait_us in (0, SECOND_US - 1, SECOND_US - 1, SECOND_US):
            clock.at_us += wait_us
            seen.append(await store.decide_records((key,), use))

        assert [False, True, True, False] == seen

    async def test_a_record_that_two_write_is_not_brought_back_by_who_saw_it_before(self, open_store: OpenStore) -> None:
        """As to sign out everywhere: it races the uses of a person's sessions, and none of these lives on afterwards."""
        person, sessions = named("person"), [named(f"session-{number}") for number in range(10)]
        store = await open_store()
        await store.decide_records((), put(Put(policy(person)), *(Put(policy(name)) for name in sessions)))

        def use(session: PolicyName) -> RecordRule[bool]:
            def rule(records: Records) -> RecordDecision[bool]:
                live = number_of(records, session) >= number_of(records, person)
                return RecordDecision(live, (Put(policy(session, version=number_of(records, session))),) if live else ())

            return rule

        uses: list[Awaitable[object]] = [store.decide_records((session, person), use(session)) for session in sessions]
        uses.insert(5, store.decide_records((person,), add_one(person)))
        answers = await asyncio.gather(*uses)

        assert [*[True] * 5, (1,), *[False] * 5] == answers
        assert not any([await store.decide_records((session, person), use(session)) for session in sessions])

    async def test_a_message_goes_out_with_the_records_that_it_tells_of(self, open_store: OpenStore) -> None:
        store = await open_store()

        def fail(records: Records) -> RecordDecision[None]:
            raise ArithmeticError

        await asyncio.gather(
            store.decide_records((HEAD,), put(Put(policy(HEAD)), Publish(notification(), PUSH))),
            store.decide_records((HEAD,), fail),
            return_exceptions=True,
        )

        assert 1 == len(await store.claim(limit=10, now_us=START_US, until_us=START_US + SECOND_US))

    async def test_an_entry_is_written_in_the_transaction_of_the_change_and_the_chain_has_no_hole(self, open_store: OpenStore) -> None:
        """As an audit trail: device rules of many devices append to the one chain of their enterprise, beside rules of no device."""
        devices = [device_name() for _ in range(5)]
        store = await open_store()
        await enrolled(store, *devices)

        def sign_in(records: Records) -> RecordDecision[int]:
            return RecordDecision(0, appended(records, "sign-in"))

        def refused(facts: Facts) -> Decision[int]:
            appended(Records((HEAD,), facts), "never")
            raise ArithmeticError

        calls: list[Awaitable[int]] = []
        for device in devices * 10:
            calls.append(store.decide(Sees(device=device, records=(HEAD,)), issue_and_append(device)))
            calls.append(store.decide_records((HEAD,), sign_in))
            calls.append(store.decide(Sees(device=device, records=(HEAD,)), refused))
        answers = await asyncio.gather(*calls, return_exceptions=True)

        store = await open_store()
        said = await chain(store)
        listed = [(await store.operations(device, after_ms=0, limit=100)).items for device in devices]
        assert (50, 100) == (sum(isinstance(answer, ArithmeticError) for answer in answers), len(said))
        assert sorted(f"{one.device.device}:{one.create_ms}" for page in listed for one in page) == sorted(set(said) - {"sign-in"})
        assert 50 == said.count("sign-in")


def races(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A property over `first`, what four records hold, and `moves` and `counted`: which rules race over them.

    Each engine's file has its own test, for hypothesis takes no test that two classes inherit.
    """
    plans = given(
        first=st.lists(st.integers(0, 3), min_size=4, max_size=4),
        moves=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=60),
        counted=st.lists(st.integers(0, 3), max_size=20),
    )
    return settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])(plans(test))


async def lose_no_update(store: Store, first: Sequence[int], moves: Sequence[tuple[int, int]], counted: Sequence[int]) -> None:
    """Whatever moves between whichever records: nothing is lost, nothing appears, and each answer is what a list would give."""
    run = next(_numbers)
    names = [named(f"box-{run}-{number}") for number in range(4)]
    await store.decide_records((), put(*(Put(policy(name, version=number)) for name, number in zip(names, first, strict=True))))
    boxes = list(first)

    racing: list[Awaitable[object]] = []
    expected: list[object] = []
    for turn, (source, step) in enumerate(moves):
        target = (source + step) % 4
        racing.append(store.decide_records((names[source], names[target]), move(names[source], names[target])))
        expected.append(None if boxes[source] else ArithmeticError)
        if boxes[source]:
            boxes[source], boxes[target] = boxes[source] - 1, boxes[target] + 1
        if turn < len(counted):
            box = counted[turn]
            racing.append(store.decide_records((names[box],), add_one(names[box])))
            expected.append((boxes[box],))
            boxes[box] += 1
    answers = await asyncio.gather(*racing, return_exceptions=True)

    assume(not any(isinstance(answer, Overloaded) for answer in answers))  # a machine that stood still for a second
    assert expected == [type(answer) if isinstance(answer, Exception) else answer for answer in answers]
    assert boxes == await numbers_of(store, names)
