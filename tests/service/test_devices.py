"""Devices: how they come, change and go."""

import asyncio
import hashlib

import msgspec
import pytest

from heliograph.domain.device import (
    AllowPersonalUsage,
    Device,
    DeviceReport,
    DeviceState,
    ManagementMode,
    Ownership,
    User,
)
from heliograph.domain.device_json import render_device
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.errors import EnterpriseNotAuthorized
from heliograph.domain.names import EnrollmentTokenName
from heliograph.domain.operation import State
from heliograph.domain.user_facing_message import UserFacingMessage
from heliograph.protocol import Enroll, Enrolled, PhonePolicy
from heliograph.protojson.errors import InvalidArgument, NotFound
from heliograph.service.devices import delete_device, get_device, patch_device
from heliograph.service.enrollment_tokens import (
    create_enrollment_token,
    delete_enrollment_token,
    get_enrollment_token,
    list_enrollment_tokens,
)
from heliograph.service.enterprises import create_enterprise, delete_enterprise, finish_deletions, get_enterprise, patch_enterprise
from heliograph.service.phones import (
    CredentialTaken,
    DeviceGone,
    EnrollmentTokenExpired,
    EnrollmentTokenUsed,
    PersonalUsageDisallowed,
    UnknownEnrollmentToken,
    authenticate_device,
    enroll_device,
    hash_credential,
)
from heliograph.service.ports import Decision, Delete, Sees
from tests.service.world import LAB, World, facts

DISALLOWED = EnrollmentToken(allow_personal_usage=AllowPersonalUsage.PERSONAL_USAGE_DISALLOWED)
USERLESS = EnrollmentToken(allow_personal_usage=AllowPersonalUsage.PERSONAL_USAGE_DISALLOWED_USERLESS)


async def enrols(lab: World, value: str, credential: str, report: DeviceReport | None = None, installation_id: str = "i") -> Enrolled:
    """The answer to an enrolment."""
    credential_hash = hashlib.sha256(credential.encode()).hexdigest()
    message = Enroll(enrollment_token=value, installation_id=installation_id, credential_hash=credential_hash, report=report or facts())
    return await enroll_device(lab.ports, message)


async def test_a_phone_is_provisioning_until_its_first_status_report(lab: World) -> None:
    phone = await lab.phone(token=EnrollmentToken(policy_name="strict", additional_data="unit 7"))
    new = await get_device(lab.ports, phone.name)

    lab.clock.advance(5)
    policy = await phone.tells(facts())

    shown = render_device(await get_device(lab.ports, phone.name))
    assert DeviceState.PROVISIONING is new.state
    assert DeviceState.ACTIVE is shown.state
    assert PhonePolicy(policy_name=f"{LAB}/policies/strict", policy_version=0, user_name=shown.user_name) == policy
    assert shown.user_name.startswith(f"{LAB}/users/1")
    assert 21 == len(shown.user_name.rpartition("/")[2])
    assert ("unit 7", f"{LAB}/policies/strict") == (shown.enrollment_token_data, shown.policy_name)
    assert shown.last_status_report_time == shown.last_policy_sync_time != ""


async def test_lost_mode_shows_in_the_state_once_the_phone_says_so(lab: World) -> None:
    phone = await lab.phone()

    await phone.tells(facts(applied_state=DeviceState.LOST))

    shown = render_device(await get_device(lab.ports, phone.name))
    assert (DeviceState.LOST, DeviceState.LOST) == (shown.state, shown.applied_state)


@pytest.mark.parametrize(
    "report",
    [
        facts(applied_state=DeviceState.DELETED),
        msgspec.structs.replace(facts(), api_level=0),
        msgspec.structs.replace(facts(), ownership=Ownership.OWNERSHIP_UNSPECIFIED),
        msgspec.structs.replace(facts(), management_mode=ManagementMode.MANAGEMENT_MODE_UNSPECIFIED),
    ],
)
async def test_facts_that_no_device_can_have_are_refused(lab: World, report: DeviceReport) -> None:
    phone = await lab.phone()

    with pytest.raises(InvalidArgument):
        await phone.tells(report)


async def test_the_same_enrolment_gets_the_same_device_again_even_when_its_token_is_used_or_expired(lab: World) -> None:
    token = await create_enrollment_token(lab.ports, LAB, EnrollmentToken(one_time_only=True))
    first = await enrols(lab, token.value, "mine")

    lab.clock.advance(3_600)

    assert first.name == (await enrols(lab, token.value, "mine")).name
    with pytest.raises(EnrollmentTokenExpired):
        await enrols(lab, token.value, "another's")
    with pytest.raises(CredentialTaken):
        await enrols(lab, token.value, "mine", installation_id="another")


async def test_a_one_time_token_enrols_one_phone_also_when_two_race(lab: World) -> None:
    token = await create_enrollment_token(lab.ports, LAB, EnrollmentToken(one_time_only=True))

    results = await asyncio.gather(enrols(lab, token.value, "a"), enrols(lab, token.value, "b"), return_exceptions=True)

    assert [Enrolled, EnrollmentTokenUsed] == sorted(map(type, results), key=lambda kind: kind is not Enrolled)


async def test_an_unknown_or_deleted_token_enrols_nobody(lab: World) -> None:
    token = await create_enrollment_token(lab.ports, LAB, EnrollmentToken())
    await delete_enrollment_token(lab.ports, EnrollmentTokenName(LAB.enterprise, token.token_id))

    for value in ("", "no such value", token.value):
        with pytest.raises(UnknownEnrollmentToken):
            await enrols(lab, value, "mine")


@pytest.mark.parametrize("token", [DISALLOWED, USERLESS])
async def test_a_token_without_personal_usage_enrols_fully_managed_phones_only(lab: World, token: EnrollmentToken) -> None:
    record = await create_enrollment_token(lab.ports, LAB, token)
    shared = msgspec.structs.replace(facts(), management_mode=ManagementMode.PROFILE_OWNER)

    for report in (facts(ownership=Ownership.PERSONALLY_OWNED), shared):
        with pytest.raises(PersonalUsageDisallowed):
            await enrols(lab, record.value, "mine", report)
    await enrols(lab, record.value, "mine")


async def test_the_user_that_a_token_names_is_ignored(lab: World) -> None:
    """Source: disc, EnrollmentToken.user."""
    phone = await lab.phone(token=EnrollmentToken(user=User(account_identifier="ada")))

    device = await get_device(lab.ports, phone.name)

    assert device.user_name.startswith(f"{LAB}/users/1")
    assert "ada" not in device.user_name


async def test_a_dedicated_device_has_no_user(lab: World) -> None:
    phone = await lab.phone(token=USERLESS)

    assert "" == (await get_device(lab.ports, phone.name)).user_name


async def test_a_phone_that_enrols_again_names_the_devices_that_it_was(lab: World) -> None:
    first = await lab.phone(facts(serial="S9"))
    await delete_device(lab.ports, first.name)
    second = await lab.phone(facts(serial="S9"))
    third = await lab.phone(facts(serial="S9"))
    other = await lab.phone(facts(serial="S10"))

    assert (str(first.name), str(second.name)) == (await get_device(lab.ports, third.name)).previous_device_names
    assert () == (await get_device(lab.ports, other.name)).previous_device_names


async def test_a_wished_id_is_given_once(lab: World) -> None:
    token = await create_enrollment_token(lab.ports, LAB, EnrollmentToken(), device_id="pixel8")
    first = await enrols(lab, token.value, "a")
    second = await enrols(lab, token.value, "b")

    assert f"{LAB}/devices/pixel8" == first.name
    assert "pixel8" not in second.name


async def test_a_credential_of_a_deleted_device_is_not_taken_again(lab: World) -> None:
    token = await create_enrollment_token(lab.ports, LAB, EnrollmentToken())
    enrolled = await enrols(lab, token.value, "mine")
    await delete_device(lab.ports, await authenticate_device(lab.ports, hash_credential("mine")))

    with pytest.raises(CredentialTaken):
        await enrols(lab, token.value, "mine")
    assert enrolled.name


async def test_a_deleted_device_leaves_its_wipe_behind(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)

    await delete_device(lab.ports, phone.name, wipe_data_flags=["WIPE_ESIMS"], wipe_reason="bye")

    with pytest.raises(DeviceGone) as gone:
        await authenticate_device(lab.ports, hash_credential(phone.credential))
    order = gone.value.tombstone.last_order
    assert {
        "type": "WIPE",
        "wipeParams": {"wipeDataFlags": ["WIPE_ESIMS"], "wipeReason": {"defaultMessage": "bye"}},
    } == msgspec.json.decode(order.command)
    assert "" == order.operation
    assert State.FAILED is (await lab.operation(name)).state


async def test_a_deletion_with_unknown_flags_deletes_nothing(lab: World) -> None:
    phone = await lab.phone()

    with pytest.raises(InvalidArgument):
        await delete_device(lab.ports, phone.name, wipe_data_flags=["WIPE_EVERYTHING"])

    await get_device(lab.ports, phone.name)


async def test_deleting_an_enterprise_deletes_its_devices_and_tokens(lab: World) -> None:
    phones = [await lab.phone() for _ in range(3)]
    token = await create_enrollment_token(lab.ports, LAB, EnrollmentToken())
    name = await lab.issue(phones[0].name)

    await delete_enterprise(lab.ports, LAB)

    for phone in phones:
        with pytest.raises(DeviceGone):
            await authenticate_device(lab.ports, hash_credential(phone.credential))
    with pytest.raises(EnterpriseNotAuthorized):
        await delete_enterprise(lab.ports, LAB)
    with pytest.raises(UnknownEnrollmentToken):
        await enrols(lab, token.value, "late")
    with pytest.raises(EnterpriseNotAuthorized):
        await lab.issue(phones[0].name)
    found = await lab.ports.store.operation(name)
    assert found is not None
    assert State.FAILED is found.state


async def test_a_deletion_that_a_crash_interrupted_is_finished(lab: World) -> None:
    phone = await lab.phone()
    await lab.ports.store.decide(Sees(enterprise=LAB), lambda _facts: Decision(None, (Delete(LAB),)))

    await finish_deletions(lab.ports)

    with pytest.raises(DeviceGone):
        await authenticate_device(lab.ports, hash_credential(phone.credential))


async def test_an_admin_disables_a_device_and_its_phone_learns_why(lab: World) -> None:
    phone = await lab.phone()
    await phone.tells(facts())
    patch = Device(state=DeviceState.DISABLED, disabled_reason=UserFacingMessage(default_message="late rent"))

    record = await patch_device(lab.ports, phone.name, patch, None)
    policy = await phone.greets()

    assert DeviceState.DISABLED is record.state
    assert (True, patch.disabled_reason) == (policy.disabled, policy.disabled_reason)
    assert DeviceState.ACTIVE is (await patch_device(lab.ports, phone.name, Device(state=DeviceState.ACTIVE), ("state",))).state


async def test_a_mask_takes_its_fields_only_and_may_clear_the_reason(lab: World) -> None:
    phone = await lab.phone()
    await patch_device(lab.ports, phone.name, Device(disabled_reason=UserFacingMessage(default_message="x")), None)

    record = await patch_device(lab.ports, phone.name, Device(policy_name="new"), ("policy_name", "disabled_reason"))

    assert (f"{LAB}/policies/new", None, DeviceState.ACTIVE) == (record.policy_name, record.disabled_reason, record.wanted_state)


@pytest.mark.parametrize(
    "patch,mask",
    [
        (Device(state=DeviceState.LOST), None),
        (Device(state=DeviceState.DELETED), ("state",)),
        (Device(), ("state",)),
        (Device(policy_name="enterprises/LC0other/policies/p"), None),
        (Device(disabled_reason=UserFacingMessage(default_message="x" * 4_097)), None),
    ],
)
async def test_what_no_admin_can_change_is_refused(lab: World, patch: Device, mask: tuple[str, ...] | None) -> None:
    phone = await lab.phone()
    before = await get_device(lab.ports, phone.name)

    with pytest.raises(InvalidArgument):
        await patch_device(lab.ports, phone.name, patch, mask)

    assert before == await get_device(lab.ports, phone.name)


async def test_tokens_are_shown_in_part_while_they_can_be_used(lab: World) -> None:
    short = await create_enrollment_token(lab.ports, LAB, EnrollmentToken(duration="60s"), server_url="http://host")
    long = await create_enrollment_token(lab.ports, LAB, EnrollmentToken(duration="315576000000s"))
    whole = msgspec.json.decode(short.resource)
    shown = await get_enrollment_token(lab.ports, EnrollmentTokenName(LAB.enterprise, short.token_id))
    lab.clock.advance(60)

    tokens, _ = await list_enrollment_tokens(lab.ports, LAB)

    assert ("60s", f"{LAB}/policies/default") == (whole["duration"], whole["policyName"])
    assert {"server_url": "http://host", "enrollment_token": short.value} == msgspec.json.decode(shown.qr_code)[
        "android.app.extra.PROVISIONING_ADMIN_EXTRAS_BUNDLE"
    ]
    assert ("", shown.value) == (shown.policy_name, short.value)
    assert [long.value] == [token.value for token in tokens]
    assert "9999-12-31T23:59:59.999999999Z" == tokens[0].expiration_timestamp
    with pytest.raises(NotFound):
        await get_enrollment_token(lab.ports, EnrollmentTokenName(LAB.enterprise, short.token_id))


@pytest.mark.parametrize(
    "token",
    [
        EnrollmentToken(duration="59.999s"),
        EnrollmentToken(additional_data="x" * 1_025),
        EnrollmentToken(policy_name="enterprises/LC0other/policies/p"),
    ],
)
async def test_a_token_that_cannot_be_is_refused(lab: World, token: EnrollmentToken) -> None:
    with pytest.raises(InvalidArgument):
        await create_enrollment_token(lab.ports, LAB, token)


async def test_an_enterprise_is_patched_and_keeps_its_name(lab: World) -> None:
    made = await create_enterprise(lab.ports, Enterprise(name="enterprises/mine", enterprise_display_name="Old", primary_color=7))

    patch = Enterprise(name="enterprises/other", enterprise_display_name="New")
    await patch_enterprise(lab.ports, made.name, patch, ("enterprise_display_name", "name"))

    found = msgspec.json.decode((await get_enterprise(lab.ports, made.name)).resource)
    assert {"name": str(made.name), "enterpriseDisplayName": "New", "primaryColor": 7} == found
