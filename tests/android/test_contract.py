"""The device protocol's contract, kept alike by the virtual phone and by the APK's agent: a real server, real sockets, real kills.

What any agent can be held to from outside stands in heliograph.agent_check: tests/agent_check and test_check_agent.py hold both to that.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest

from heliograph.agent.executor import Moment
from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import TransportKind
from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.domain.device import Device, DeviceState, DeviceStatus, StatusName
from heliograph.domain.device_json import render_device
from heliograph.domain.evidence import Judgement, stored_evidence
from heliograph.domain.names import DeviceName, PolicyName
from heliograph.domain.phone.report_fields import REPORTED
from heliograph.domain.policy import changed, implicit_default
from heliograph.protocol import MESSAGE_MAX_BYTES, PhonePolicy
from heliograph.protojson.messages import encode_message
from heliograph.protojson.types import secret_fields
from heliograph.service.devices import get_device, patch_device
from heliograph.service.policies import patch_policy
from heliograph.service.ports import Decision, Put, Sees
from tests.agent.lab import Lab, Wire, eventually, port_of, shown
from tests.android.subjects import AppSubject, Subject, VirtualSubject, Wish, issue
from tests.commands.policies import SWITCHES, asking, policy_of
from tests.patience import PATIENCE_S

TESTED = [row.name for row in COMMANDS.values() if not row.final_at_ack]
LAST_ORDERS = [row.name for row in COMMANDS.values() if row.final_at_ack]
KINDS = list(TransportKind)
RECOVERED = {
    "LOCK": {Moment.EXECUTING: "UNKNOWN", Moment.EXECUTED: "UNKNOWN"},
    "REBOOT": {Moment.EXECUTING: "UNKNOWN"},
    "START_LOST_MODE": {Moment.EXECUTING: "UNKNOWN"},
}
"""One type of each way to recover, and what it reports after being killed at a moment; at the others it succeeds."""
MOMENTS = [Moment.ACKING, Moment.ACKNOWLEDGED, Moment.EXECUTING, Moment.EXECUTED, Moment.RESULT, Moment.REPORTED, Moment.DROPPED]
KILLED = [(type_, moment) for type_ in RECOVERED for moment in MOMENTS if (type_, moment) != ("REBOOT", Moment.EXECUTED)]
"""A phone goes down while it executes REBOOT, so nothing can kill it once it has."""
SHOWN = ("REBOOT", "START_LOST_MODE", "STOP_LOST_MODE")
"""Types whose facts the phone that is a folder has."""
LARGE = 6_000
"""Apps of a policy that fits into no other message, and is below the default limit."""

Make = Callable[[Wish], Awaitable[Subject]]


@pytest.fixture(params=["virtual phone", "the APK's agent"])
async def make(lab: Lab, request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Makes phones of one kind."""
    made: list[Subject] = []
    class_path = None if request.param == "virtual phone" else request.getfixturevalue("class_path")

    async def phone(wish: Wish) -> Subject:
        made.append(await (VirtualSubject.made(lab, wish) if class_path is None else AppSubject.made(lab, wish, class_path)))
        return made[-1]

    yield phone
    for subject in made:
        await subject.stop()


@pytest.mark.parametrize("kind", KINDS)
async def test_every_type_is_executed_once_and_its_end_reported(lab: Lab, make: Make, kind: TransportKind) -> None:
    async def one(type_: str) -> tuple[str, bool, int]:
        subject = await make(Wish(type=type_, kind=kind))
        operation = await lab.ended(await issue(lab, subject, type_))
        return type_, "response" in shown(operation), subject.executions(operation)

    # One after the other: each is a JVM of its own.
    results = [await one(type_) for type_ in TESTED]

    assert [(type_, True, 1) for type_ in TESTED] == results


async def test_what_the_phone_cannot_do_is_refused_before_the_acknowledgement(lab: Lab, make: Make) -> None:
    subject = await make(Wish(type="REQUEST_DEVICE_INFO"))

    operation = await lab.ended(await issue(lab, subject, "REBOOT"))

    assert "MANAGEMENT_MODE" == shown(operation)["metadata"]["errorCode"]
    assert 0 == subject.executions(operation)
    assert not [what for what in await lab.story(operation) if "cknowledge" in what]


@pytest.mark.parametrize("type_, moment", KILLED)
async def test_a_killed_phone_executes_at_most_once_and_reports_what_it_knows(lab: Lab, make: Make, type_: str, moment: Moment) -> None:
    subject = await make(Wish(type=type_, kill_at=moment))

    operation = await lab.ended(await issue(lab, subject, type_))

    await subject.died()
    assert (0 if moment is Moment.EXECUTING else 1) == subject.executions(operation)
    assert RECOVERED[type_].get(moment) == shown(operation)["metadata"].get("errorCode")
    if type_ in SHOWN and "response" in shown(operation):
        assert Judgement.OBSERVED is operation.judgement  # the facts of before were not lost with it


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lies", [False, True])
async def test_a_phone_s_own_facts_show_whether_it_did_it(lab: Lab, make: Make, kind: TransportKind, *, lies: bool) -> None:
    async def one(type_: str) -> tuple[str, bool, Judgement]:
        subject = await make(Wish(type=type_, kind=kind, lies=lies))
        operation = await lab.ended(await issue(lab, subject, type_))
        return type_, "response" in shown(operation), operation.judgement

    results = [await one(type_) for type_ in SHOWN]

    assert [(type_, True, Judgement.CONTRADICTED if lies else Judgement.OBSERVED) for type_ in SHOWN] == results


@pytest.mark.parametrize("moment", [Moment.ACKING, Moment.ACKNOWLEDGED, Moment.ORDERED, Moment.CARRIED_OUT])
@pytest.mark.parametrize("type_", LAST_ORDERS)
async def test_a_killed_phone_carries_its_last_order_out_and_forgets_its_credential(
    lab: Lab, make: Make, type_: str, moment: Moment
) -> None:
    subject = await make(Wish(type=type_, kill_at=moment))

    operation = await lab.ended(await issue(lab, subject, type_))

    await eventually(lambda: not subject.journal())
    assert "response" in shown(operation)
    assert subject.executions(operation) >= 1
    assert stored_evidence(operation.evidence).before.android_id


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("said", [b'"keepAlive"', b'"protocolVersions"'], ids=["keep-alive", "version"])
async def test_hello_says_what_the_phone_speaks_and_how_long_it_may_be_silent(
    lab: Lab, make: Make, kind: TransportKind, said: bytes
) -> None:
    async with Wire(port_of(lab.url)) as wire:
        wire.cut_next_answer(said)

        subject = await make(Wish(type="LOCK", kind=kind, url=wire.url))

        assert 1 == wire.cuts
        await subject.stop()


async def test_a_poll_waits_as_long_as_was_agreed(lab: Lab, make: Make) -> None:
    async with Wire(port_of(lab.url)) as wire:
        wire.cut_next_answer(b"GET /device/v1/commands?keepAlive=55 ")
        subject = await make(Wish(type="LOCK", kind=TransportKind.LONG_POLL, url=wire.url))

        operation = await lab.ended(await issue(lab, subject, "LOCK"))

        assert 1 == wire.cuts
        assert 1 == subject.executions(operation)
        await subject.stop()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_policy_may_be_larger_than_any_other_message(lab: Lab, make: Make, kind: TransportKind) -> None:
    """With the answer to hello, and as news."""
    name = PolicyName(lab.enterprise.enterprise, "default")
    await patch_policy(lab.ports, name, blocking(LARGE), None)
    subject = await make(Wish(type="LOCK", kind=kind))
    await eventually(lambda: apps_of(subject.policy()) == LARGE)

    record = await patch_policy(lab.ports, name, blocking(LARGE + 1), None)

    assert len(record.resource) > MESSAGE_MAX_BYTES
    await eventually(lambda: apps_of(subject.policy()) == LARGE + 1)
    assert "response" in shown(await lab.ended(await issue(lab, subject, "LOCK")))


def blocking(apps: int) -> Any:  # noqa: ANN401 - JSON in, the made message out
    """A policy on as many apps."""
    return policy_of(applications=[{"packageName": f"com.example.blocked.app{number}", "installType": "BLOCKED"} for number in range(apps)])


def apps_of(policy: PhonePolicy) -> int:
    """How many apps it is about."""
    return bytes(policy.policy or b"").count(b'"packageName"')


async def another_version(lab: Lab, _device: DeviceName) -> None:
    await patch_policy(lab.ports, PolicyName(lab.enterprise.enterprise, "default"), blocking(1), None)


async def another_policy(lab: Lab, device: DeviceName) -> None:
    name = PolicyName(lab.enterprise.enterprise, "other")
    await patch_policy(lab.ports, name, blocking(1), None)
    await patch_device(lab.ports, device, Device(policy_name=str(name)), ("policy_name",))


async def the_disabled_state(lab: Lab, device: DeviceName) -> None:
    await patch_device(lab.ports, device, Device(state=DeviceState.DISABLED), ("state",))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [another_version, another_policy, the_disabled_state])
async def test_news_that_overtake_the_answer_to_a_report_stay(
    lab: Lab, make: Make, kind: TransportKind, change: Callable[[Lab, DeviceName], Awaitable[None]]
) -> None:
    """The answer holds the policy as it was before the change."""
    async with Wire(port_of(lab.url)) as wire:
        subject = await make(Wish(type="START_LOST_MODE", kind=kind, url=wire.url))
        wire.hold_next_answer(b'"appliedState":"LOST"')
        operation = await issue(lab, subject, "START_LOST_MODE")
        await eventually(lambda: wire.holds)
        before = subject.states()[-1]

        await change(lab, DeviceName.parse(subject.name))
        await eventually(lambda: subject.states()[-1] != before)
        known = len(subject.states())
        wire.release()

        assert "response" in shown(await lab.ended(operation))  # its report comes behind the answer that was held
        assert before not in subject.states()[known:]
        await subject.stop()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_policy_that_only_the_answer_to_a_report_brought_is_reported_as_applied(lab: Lab, make: Make, kind: TransportKind) -> None:
    """A server died between the change and its news."""
    subject = await make(Wish(type="START_LOST_MODE", kind=kind))
    await reported(lab, subject, version=1)
    name = PolicyName(lab.enterprise.enterprise, "default")
    unsaid = changed(implicit_default(lab.enterprise), name, blocking(1), now_us=lab.ports.clock.now_us())
    await lab.ports.store.decide(Sees(enterprise=lab.enterprise, policy=name), lambda _: Decision(None, (Put(unsaid),)))

    await lab.ended(await issue(lab, subject, "START_LOST_MODE"))

    await reported(lab, subject, version=unsaid.version)
    assert 1 == apps_of(subject.policy())


@pytest.mark.parametrize("company_owned", [True, False])
async def test_a_report_holds_what_the_policy_asks_for(lab: Lab, make: Make, *, company_owned: bool) -> None:
    subject = await make(Wish(type="LOCK", asks_user=not company_owned))
    phone = PROFILES[Wish(type="LOCK", asks_user=not company_owned).profile].phone("any")
    policy = PolicyName(lab.enterprise.enterprise, "default")

    for switches in (SWITCHES, SWITCHES[::2], SWITCHES[1::2], ()):
        record = await patch_policy(lab.ports, policy, asking(*switches), None)
        await reported(lab, subject, version=record.version)

        fields = {row.name for row in REPORTED if row.switch in switches and phone.api_level >= row.api_level}
        if not company_owned:
            fields -= {row.name for row in REPORTED if row.company_owned}
        assert fields == {row.name for row in REPORTED if row.switch} & set(await shown_device(lab, subject))


async def shown_device(lab: Lab, subject: Subject) -> dict[str, Any]:
    """The device as callers read it."""
    name = DeviceName.parse(subject.name)
    status = await lab.ports.store.record(DeviceStatus, StatusName(*name))
    view: dict[str, Any] = msgspec.json.decode(encode_message(render_device(await get_device(lab.ports, name), status)))
    return view


async def reported(lab: Lab, subject: Subject, *, version: int) -> None:
    """Returns once the phone has reported that it applies this version of its policy."""
    name = DeviceName.parse(subject.name)
    async with asyncio.timeout(PATIENCE_S):
        while (record := await lab.ports.store.device(name)) is None or record.report.applied_policy_version != version:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.005)


async def test_a_user_who_agrees_lets_the_command_begin(lab: Lab, make: Make) -> None:
    subject = await make(Wish(type="ADD_ESIM", asks_user=True))
    operation = await issue(lab, subject, "ADD_ESIM", addEsimParams={"activationCode": "LPA:1$smdp.example.com$FLEET-PLAN"})
    await eventually(subject.asked)

    subject.agree()

    assert "response" in shown(await lab.ended(operation))
    assert 1 == subject.executions(operation)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kill_at", [None, Moment.ACKING, Moment.ACKNOWLEDGED])
async def test_a_password_is_opened_by_its_phone_alone(lab: Lab, make: Make, kind: TransportKind, kill_at: Moment | None) -> None:
    """Killed, it asks for the command again, and gets it sealed again."""
    subject = await make(Wish(type="RESET_PASSWORD", kind=kind, kill_at=kill_at))

    operation = await issue(lab, subject, "RESET_PASSWORD", newPassword="for the phone alone 7")

    assert operation.sealed_to
    assert "response" in shown(await lab.ended(operation))
    assert "for the phone alone 7" == subject.password()


async def test_no_secret_of_a_command_is_ever_in_the_journal(lab: Lab, make: Make) -> None:
    """Looked at all the time, while the phone is killed with its execution begun."""
    for type_ in ("RESET_PASSWORD", "ADD_ESIM"):
        row = COMMANDS[type_]
        params = ENVELOPE.decode(msgspec.json.encode({"type": type_, **row.example})).params
        secrets = [getattr(params, name).encode() for name in secret_fields(row.params)]
        subject = await make(Wish(type=type_, kill_at=Moment.EXECUTING))
        seen: set[bytes] = set()
        operation = await issue(lab, subject, type_)

        while not (found := await lab.ports.store.operation(operation.name)) or not found.done:
            seen.add(subject.journal())
            await asyncio.sleep(0.002)
        seen.add(subject.journal())

        assert secrets
        assert [journal for journal in seen if b"executing" in journal.lower()]
        assert [] == [secret for secret in secrets for journal in seen if secret in journal]
