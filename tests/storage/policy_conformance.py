"""What every Store must do with policies: a suite that a backend's test file subclasses, as conformance.py."""

import asyncio

from msgspec.structs import replace

from heliograph.domain.names import DeviceName, EnterpriseName, PolicyName
from heliograph.domain.policy import PasswordPolicy, PasswordQuality, PolicyRecord
from heliograph.service.ports import Decision, Delete, Facts, Put, PutDevice, Rule, Sees
from tests.storage.conformance import OpenStore
from tests.storage.records import ENTERPRISE, START_US, device_name, device_record, enterprise_record, look, write

NAME = PolicyName(ENTERPRISE.enterprise, "strict")


def policy(name: PolicyName = NAME, *, version: int = 1, number: int = 0) -> PolicyRecord:
    """A policy; a higher number was created later."""
    return PolicyRecord(
        name=name,
        version=version,
        created_us=START_US + number,
        resource=b'{"cameraDisabled":true}',
        wipe_data_flags=("WIPE_ESIMS",),
        password=PasswordPolicy(quality=PasswordQuality.NUMERIC, minimum_length=6),
    )


def one_more(facts: Facts) -> Decision[int]:
    """A rule that changes the policy."""
    version = facts.policy.version + 1 if facts.policy else 1
    return Decision(version, (Put(policy(version=version)),))


def with_policy(device: DeviceName, name: PolicyName, *, enrollment_us: int = START_US) -> Rule[object]:
    """A rule by which a device has this policy."""
    return write(PutDevice(device_record(device, policy_name=str(name), enrollment_us=enrollment_us)))


class PolicyConformance:
    """The suite."""

    async def test_a_policy_comes_back_whole_after_a_restart(self, open_store: OpenStore) -> None:
        store = await open_store()
        await store.decide(Sees(), write(Put(policy())))
        assert policy() == await store.policy(NAME)

        store = await open_store()

        assert policy() == await store.policy(NAME)
        assert policy() == (await store.decide(Sees(policy=NAME), look)).policy
        assert await store.policy(PolicyName("LC0other", NAME.policy)) is None

    async def test_changes_at_once_see_each_other(self, open_store: OpenStore) -> None:
        store = await open_store()

        versions = await asyncio.gather(*(store.decide(Sees(policy=NAME), one_more) for _ in range(5)))

        assert [1, 2, 3, 4, 5] == versions
        assert policy(version=5) == await store.policy(NAME)

    async def test_a_rule_sees_the_policy_of_its_device_as_both_are_at_that_moment(self, open_store: OpenStore) -> None:
        device, other = device_name(), PolicyName(ENTERPRISE.enterprise, "other")
        store = await open_store()
        await store.decide(Sees(device=device), with_policy(device, NAME))
        sees = Sees(device=device, device_policy=True)
        before, _, after, _, with_other = await asyncio.gather(
            store.decide(sees, look),
            store.decide(Sees(), write(Put(policy()))),
            store.decide(sees, look),
            store.decide(Sees(device=device), with_policy(device, other)),
            store.decide(sees, look),
        )

        assert [None, policy(), None] == [before.policy, after.policy, with_other.policy]
        assert (await store.decide(Sees(device=device_name(), device_policy=True), look)).policy is None

    async def test_a_deleted_policy_is_gone_in_its_batch_and_afterwards(self, open_store: OpenStore) -> None:
        store = await open_store()
        await store.decide(Sees(), write(Put(policy())))

        _, seen = await asyncio.gather(store.decide(Sees(policy=NAME), write(Delete(NAME))), store.decide(Sees(policy=NAME), look))

        assert seen.policy is None
        assert await store.policy(NAME) is None
        assert [] == list((await store.policies(ENTERPRISE, after="", limit=10)).items)

    async def test_an_enterprises_policies_go_with_it(self, open_store: OpenStore) -> None:
        other = EnterpriseName("LC0other")
        kept, made = policy(PolicyName(other.enterprise, "strict")), policy(PolicyName(ENTERPRISE.enterprise, "made before"))
        store = await open_store()
        await store.decide(Sees(), write(Put(enterprise_record()), Put(policy()), Put(kept)))

        _, _, seen = await asyncio.gather(
            store.decide(Sees(), write(Put(made))),
            store.decide(Sees(enterprise=ENTERPRISE), write(Delete(ENTERPRISE))),
            store.decide(Sees(policy=NAME), look),
        )

        assert seen.policy is None
        assert [None, None, kept] == [await store.policy(one.name) for one in (policy(), made, kept)]
        store = await open_store()
        assert [None, None, kept] == [await store.policy(one.name) for one in (policy(), made, kept)]

    async def test_policies_are_paged_in_order_of_creation(self, open_store: OpenStore) -> None:
        made = [policy(PolicyName(ENTERPRISE.enterprise, f"p{9 - number}"), number=number) for number in range(5)]
        store = await open_store()
        await store.decide(Sees(), write(*map(Put, reversed(made))))

        first = await store.policies(ENTERPRISE, after="", limit=3)
        second = await store.policies(ENTERPRISE, after=first.items[-1].position, limit=3)

        assert (made[:3], True, made[3:], False) == (list(first.items), first.more, list(second.items), second.more)

    async def test_the_devices_of_a_policy_are_paged_in_order_of_enrolment(self, open_store: OpenStore) -> None:
        devices = [device_name() for _ in range(5)]
        store = await open_store()
        for number, device in enumerate(devices):
            await store.decide(Sees(device=device), with_policy(device, NAME, enrollment_us=START_US - number))
        moved = replace(device_record(devices[0]), policy_name=f"{ENTERPRISE}/policies/other")
        await store.decide(Sees(device=devices[0]), write(PutDevice(moved)))

        first = await store.devices_with_policy(NAME, after="", limit=3)
        second = await store.devices_with_policy(NAME, after=first.items[-1].position, limit=3)

        assert devices[:1:-1] == [record.name for record in first.items]
        assert ([devices[1]], True, False) == ([record.name for record in second.items], first.more, second.more)
