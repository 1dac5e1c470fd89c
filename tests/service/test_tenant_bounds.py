"""What one enterprise or device may hold: exactly so much, however many ask at once; and it says what to do."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from heliograph.commands import ENVELOPE
from heliograph.domain.device import Device
from heliograph.domain.enrollment import EnrollmentToken, GoogleAuthenticationOptions
from heliograph.domain.enterprise import ContactInfo, Enterprise
from heliograph.domain.names import EnrollmentTokenName, EnterpriseName, PolicyName
from heliograph.domain.policy_messages import ModifyPolicyApplicationsRequest, Policy
from heliograph.domain.user_facing_message import UserFacingMessage
from heliograph.protojson.errors import InvalidArgument, ResourceExhausted
from heliograph.protojson.messages import decode_message
from heliograph.service.devices import patch_device
from heliograph.service.enrollment_tokens import create_enrollment_token, delete_enrollment_token
from heliograph.service.enterprises import create_enterprise, patch_enterprise
from heliograph.service.issue_command import SMALL_BYTES, OpenCommandsTooLarge, RequestIdReused, issue_command
from heliograph.service.limits import BY_NAME, Limits, with_limits
from heliograph.service.operations import cancel_operation, retire_tokens
from heliograph.service.policies import delete_policy, modify_policy_applications, patch_policy
from heliograph.service.ports import Held
from heliograph.service.tenant_bounds import TooManyEnrollmentTokens, TooManyPolicies, TooManyRequestIds
from tests.service.world import LAB, World, world

OTHER = EnterpriseName("LC0other")
DAY_S = 86_400


def policy_name(number: int) -> PolicyName:
    return PolicyName(LAB.enterprise, f"p{number}")


async def outcomes(asked: Sequence[Awaitable[object]]) -> list[type]:
    """Of each, the error's class, or NoneType where there was none."""
    return [type(one) if isinstance(one, Exception) else type(None) for one in await asyncio.gather(*asked, return_exceptions=True)]


async def token(lab: World, enterprise: EnterpriseName = LAB, **fields: Any) -> object:  # noqa: ANN401 - fields of the message
    return await create_enrollment_token(lab.ports, enterprise, EnrollmentToken(**fields))


async def policy(lab: World, number: int, pad: int = 0, enterprise: EnterpriseName = LAB) -> object:
    body = Policy(account_types_with_management_disabled=("x" * pad,)) if pad else Policy()
    return await patch_policy(lab.ports, PolicyName(enterprise.enterprise, f"p{number}"), body, None)


@pytest.mark.parametrize("at_once", [True, False])
async def test_of_enrolment_tokens_there_are_as_many_as_the_limit_says(tmp_path: Path, *, at_once: bool) -> None:
    async with world(tmp_path, limits=Limits(enrollment_tokens_most=5)) as lab:
        await create_enterprise(lab.ports, Enterprise(), enterprise_id=OTHER.enterprise)

        found = await outcomes([token(lab) for _ in range(12)]) if at_once else [(await outcomes([token(lab)]))[0] for _ in range(12)]

        assert (5, 7) == (found.count(type(None)), found.count(TooManyEnrollmentTokens))
        assert 5 == (await lab.ports.store.holding(LAB, Held.ENROLLMENT_TOKENS, most=100)).number
        await token(lab, OTHER)


async def test_a_token_that_is_deleted_makes_room(tmp_path: Path) -> None:
    async with world(tmp_path, limits=Limits(enrollment_tokens_most=1)) as lab:
        first = await create_enrollment_token(lab.ports, LAB, EnrollmentToken())
        with pytest.raises(ResourceExhausted, match=r"has 1 enrollment tokens, .* Delete some") as refused:
            await token(lab)

        await delete_enrollment_token(lab.ports, EnrollmentTokenName(LAB.enterprise, first.token_id))

        await token(lab)
        assert ("TOO_MANY_ENROLLMENT_TOKENS", {"limit": "1"}) == (refused.value.reason, refused.value.metadata)


async def test_tokens_that_expired_or_were_used_up_a_day_ago_make_room(tmp_path: Path) -> None:
    async with world(tmp_path, limits=Limits(enrollment_tokens_most=4)) as lab:
        await token(lab, duration="60s")
        await lab.phone(token=EnrollmentToken(one_time_only=True, duration="315360000s"))
        await token(lab, duration="315360000s")
        lab.clock.advance(DAY_S - 10)
        await retire_tokens(lab.ports)
        before = (await lab.ports.store.holding(LAB, Held.ENROLLMENT_TOKENS, most=100)).number

        lab.clock.advance(DAY_S + 80)
        await retire_tokens(lab.ports)

        assert (3, 1) == (before, (await lab.ports.store.holding(LAB, Held.ENROLLMENT_TOKENS, most=100)).number)


@pytest.mark.parametrize("at_once", [True, False])
async def test_of_policies_there_are_as_many_as_the_limit_says_and_those_there_are_can_be_changed(tmp_path: Path, *, at_once: bool) -> None:
    async with world(tmp_path, limits=Limits(policies_most=3)) as lab:
        await create_enterprise(lab.ports, Enterprise(), enterprise_id=OTHER.enterprise)
        asked = [policy(lab, number) for number in range(8)]

        found = await outcomes(asked) if at_once else [(await outcomes([one]))[0] for one in asked]

        assert (3, 5) == (found.count(type(None)), found.count(TooManyPolicies))
        await policy(lab, found.index(type(None)), pad=10)
        await delete_policy(lab.ports, policy_name(found.index(type(None))))
        await policy(lab, 99)
        await policy(lab, 1, enterprise=OTHER)


async def test_policies_together_have_no_more_bytes_than_the_limit_says(tmp_path: Path) -> None:
    async with world(tmp_path, limits=Limits(policy_bytes_most=100_000)) as lab:
        found = await outcomes([policy(lab, number, pad=20_000) for number in range(12)])
        held = await lab.ports.store.holding(LAB, Held.POLICIES, most=100)
        assert (3, 9) == (found.count(type(None)), found.count(TooManyPolicies))
        assert held.size <= 100_000

        grown = await outcomes([policy(lab, 0, pad=60_000), policy(lab, 1, pad=100)])
        applications = [{"application": {"packageName": "c" * 40_000}}]
        request = decode_message(ModifyPolicyApplicationsRequest, json.dumps({"changes": applications}), root="")
        by_change = await outcomes([modify_policy_applications(lab.ports, policy_name(2), request)])

        assert [TooManyPolicies, type(None)] == grown
        assert [TooManyPolicies] == by_change
        assert (await lab.ports.store.holding(LAB, Held.POLICIES, most=100)).size <= held.size


async def test_of_request_ids_there_are_as_many_as_the_limit_says_and_known_ones_are_answered(tmp_path: Path) -> None:
    async with world(tmp_path, limits=Limits(request_ids_most=4)) as lab:
        phone = await lab.phone()

        async def issue(name: str, body: str = '{"type":"LOCK"}') -> object:
            return await issue_command(lab.ports, phone.name, ENVELOPE.decode(body.encode()), request_id=name)

        found = [(await outcomes([issue(f"request {number}")]))[0] for number in range(7)]

        assert [type(None)] * 4 + [TooManyRequestIds] * 3 == found
        assert [type(None), RequestIdReused] == await outcomes([issue("request 2"), issue("request 2", '{"type":"REBOOT"}')])
        await lab.issue(phone.name)
        assert 4 == (await lab.ports.store.holding(LAB, Held.REQUEST_IDS, most=100)).number


async def test_request_ids_that_were_forgotten_make_room(tmp_path: Path) -> None:
    async with world(tmp_path, limits=Limits(request_ids_most=1)) as lab:
        phone = await lab.phone()
        lock = ENVELOPE.decode(b'{"type":"LOCK"}')
        await issue_command(lab.ports, phone.name, lock, request_id="one")
        with pytest.raises(TooManyRequestIds, match="used 1 request ids in 24 hours"):
            await issue_command(lab.ports, phone.name, lock, request_id="two")

        lab.clock.advance(DAY_S + 1)
        await lab.ports.store.retire(ended_before_us=0, limit=100)

        await issue_command(lab.ports, phone.name, lock, request_id="two")


class CountingStore:
    """A store's `holding`, and how often it was asked."""

    def __init__(self, lab: World) -> None:
        self._store = lab.ports.store
        self.asked = 0

    async def holding(self, enterprise: EnterpriseName, held: Held, *, most: int) -> Any:  # noqa: ANN401 - as the store's
        self.asked += 1
        return await self._store.holding(enterprise, held, most=most)


async def test_request_ids_are_counted_once_a_minute_however_many_are_used(lab: World) -> None:
    store, turns = CountingStore(lab), lab.ports.turns

    async def use(now_us: int) -> None:
        await turns.request_ids(store, LAB, now_us=now_us, most=100)
        turns.request_id_added(LAB)

    await asyncio.gather(*(use(1_000_000) for _ in range(50)))
    for _ in range(200):
        await use(2_000_000)
    first = store.asked
    await use(61_000_001)

    assert (1, 2) == (first, store.asked)


def app_data(size: int) -> str:
    return json.dumps({"type": "CLEAR_APP_DATA", "clearAppsDataParams": {"packageNames": ["a" * size]}})


async def test_open_commands_of_a_device_have_no_more_bytes_than_the_limit_says(tmp_path: Path) -> None:
    async with world(tmp_path, limits=Limits(open_bytes_most=100_000)) as lab:
        phone, other = await lab.phone(), await lab.phone()
        found = await outcomes([lab.issue(phone.name, app_data(30_000)) for _ in range(10)])
        assert (3, 7) == (found.count(type(None)), found.count(OpenCommandsTooLarge))

        await lab.issue(phone.name)
        await lab.issue(phone.name, app_data(SMALL_BYTES // 2))
        await lab.issue(other.name, app_data(30_000))
        oldest = (await lab.ports.store.open_operations(phone.name))[0]
        await cancel_operation(lab.ports, oldest.name)

        await lab.issue(phone.name, app_data(25_000))


async def test_a_password_counts_with_its_command(tmp_path: Path) -> None:
    async with world(tmp_path, limits=Limits(open_bytes_most=50_000)) as lab:
        phone = await lab.phone()
        body = json.dumps({"type": "RESET_PASSWORD", "newPassword": "x" * 20_000})

        found = await outcomes([lab.issue(phone.name, body) for _ in range(4)])

        assert (2, 2) == (found.count(type(None)), found.count(OpenCommandsTooLarge))


TOO_LARGE = UserFacingMessage(default_message="x", localized_messages={f"de-x-a{number}": "y" * 4_000 for number in range(20)})


@pytest.mark.parametrize(
    "ask",
    [
        lambda lab, _: create_enterprise(lab.ports, Enterprise(contact_info=ContactInfo(contact_email="x" * 60_000))),
        lambda lab, _: patch_enterprise(lab.ports, LAB, Enterprise(contact_info=ContactInfo(contact_email="x" * 60_000)), None),
        lambda lab, _: policy(lab, 1, pad=60_000),
        lambda lab, _: token(lab, google_authentication_options=GoogleAuthenticationOptions(required_account_email="x" * 60_000)),
        lambda lab, name: patch_device(lab.ports, name, Device(disabled_reason=TOO_LARGE), ("disabled_reason",)),
    ],
    ids=["create enterprise", "patch enterprise", "policy", "token", "device"],
)
async def test_a_resource_has_no_more_bytes_than_the_limit_says(tmp_path: Path, ask: Callable[..., Awaitable[object]]) -> None:
    async with world(tmp_path, limits=Limits(resource_bytes_most=50_000)) as lab:
        phone = await lab.phone()

        with pytest.raises(InvalidArgument, match=r"is too large: \d+ of 50000 bytes\."):
            await ask(lab, phone.name)


def test_every_limit_is_set_by_its_name() -> None:
    limits = with_limits(Limits(), [f"{name}={number}" for number, name in enumerate(BY_NAME, 1)])

    assert list(range(1, len(BY_NAME) + 1)) == [getattr(limits, field) for field in BY_NAME.values()]


@pytest.mark.parametrize(
    "given", ["policies", "policies=", "policies=0", "policies=-1", "policies=1e3", "policy=5", "=5", "policies=" + "9" * 30]
)
def test_a_limit_that_is_none_is_refused_with_the_names_there_are(given: str) -> None:
    with pytest.raises(InvalidArgument, match=r"must be NAME=NUMBER.*enrollment-tokens, policies"):
        with_limits(Limits(), [given])
