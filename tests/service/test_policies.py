"""Policies: made, changed, sent to their phones, and obeyed at a wipe."""

import asyncio
import json
from typing import Any

import msgspec
import pytest

from heliograph.domain.device import Device, Ownership
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.errors import EnterpriseNotAuthorized
from heliograph.domain.names import DeviceName, EnterpriseName, PolicyName
from heliograph.domain.policy import PolicyRecord
from heliograph.domain.policy_messages import ModifyPolicyApplicationsRequest, Policy, RemovePolicyApplicationsRequest
from heliograph.protocol import Execute
from heliograph.protojson.errors import InvalidArgument, NotFound
from heliograph.protojson.field_mask import parse_field_mask
from heliograph.protojson.messages import decode_message
from heliograph.service.devices import delete_device, patch_device
from heliograph.service.enterprises import create_enterprise, delete_enterprise
from heliograph.service.phones import get_phone_policy
from heliograph.service.policies import (
    DefaultPolicyStays,
    PolicyInUse,
    delete_policy,
    get_policy,
    list_policies,
    modify_policy_applications,
    patch_policy,
    remove_policy_applications,
)
from heliograph.service.ports import Decision, Put, Sees
from tests.service.world import LAB, World, facts

STRICT, DEFAULT = PolicyName(LAB.enterprise, "strict"), PolicyName(LAB.enterprise, "default")
NOWHERE = EnterpriseName("LC0nowhere")


async def patch(lab: World, body: dict[str, object], mask: str = "", *, name: PolicyName = STRICT) -> dict[str, Any]:
    """The policy after the change."""
    paths = parse_field_mask(mask, of=Policy) or None
    record = await patch_policy(lab.ports, name, decode_message(Policy, json.dumps(body), root="policy"), paths)
    assert record == await get_policy(lab.ports, name)
    return resource(record)


def resource(record: PolicyRecord) -> dict[str, Any]:
    """The Policy as callers read it."""
    found: dict[str, Any] = json.loads(record.resource)
    return found


async def test_patching_makes_a_policy_and_every_further_patch_raises_its_version(lab: World) -> None:
    made = await patch(lab, {"cameraDisabled": True, "name": "anything", "version": "77"})
    again = await patch(lab, {"cameraDisabled": True})
    other = await patch(lab, {"funDisabled": True})

    assert {"name": str(STRICT), "version": "1", "cameraDisabled": True} == made
    assert {**made, "version": "2"} == again
    assert {"name": str(STRICT), "version": "3", "funDisabled": True} == other


async def test_a_mask_says_which_fields_are_taken(lab: World) -> None:
    await patch(lab, {"cameraDisabled": True, "systemUpdate": {"type": "WINDOWED", "startMinutes": 60, "endMinutes": 120}})

    changed = await patch(lab, {"systemUpdate": {"endMinutes": 90}}, "cameraDisabled,systemUpdate.endMinutes,funDisabled")

    assert {"type": "WINDOWED", "startMinutes": 60, "endMinutes": 90} == changed["systemUpdate"]
    assert "cameraDisabled" not in changed


async def test_the_default_policy_exists_in_every_enterprise(lab: World) -> None:
    implicit = resource(await get_policy(lab.ports, DEFAULT))
    patched = await patch(lab, {"cameraDisabled": True}, name=DEFAULT)

    assert {"name": str(DEFAULT), "version": "1"} == implicit
    assert {"name": str(DEFAULT), "version": "2", "cameraDisabled": True} == patched
    with pytest.raises(DefaultPolicyStays):
        await delete_policy(lab.ports, DEFAULT)


async def test_policies_are_listed_the_default_one_first_until_it_is_patched(lab: World) -> None:
    names = [PolicyName(LAB.enterprise, f"p{number}") for number in (2, 1, 3)]
    for name in names:
        await patch(lab, {}, name=name)
        lab.clock.advance(1)

    async def listed(size: int) -> list[PolicyName]:
        found, token = await list_policies(lab.ports, LAB, page_size=size)
        all_of_them = [*found]
        while token:
            found, token = await list_policies(lab.ports, LAB, page_size=size, page_token=token)
            all_of_them += found
        return [record.name for record in all_of_them]

    assert [[DEFAULT, *names]] * 4 == [await listed(size) for size in (1, 2, 3, 10)]
    await patch(lab, {}, name=DEFAULT)
    assert [[*names, DEFAULT]] * 3 == [await listed(size) for size in (1, 2, 10)]


async def test_a_policy_that_a_device_has_stays(lab: World) -> None:
    await patch(lab, {})
    phone = await lab.phone(token=EnrollmentToken(policy_name="strict"))

    with pytest.raises(PolicyInUse, match=phone.name.device):
        await delete_policy(lab.ports, STRICT)
    await patch_device(lab.ports, phone.name, Device(policy_name="default"), ("policy_name",))
    await delete_policy(lab.ports, STRICT)

    with pytest.raises(NotFound):
        await get_policy(lab.ports, STRICT)
    with pytest.raises(NotFound):
        await delete_policy(lab.ports, STRICT)


async def test_what_is_not_there_is_said_so(lab: World) -> None:
    name = PolicyName(NOWHERE.enterprise, "strict")
    with pytest.raises(EnterpriseNotAuthorized):
        await get_policy(lab.ports, name)
    with pytest.raises(EnterpriseNotAuthorized):
        await list_policies(lab.ports, NOWHERE)
    with pytest.raises(EnterpriseNotAuthorized):
        await patch(lab, {}, name=name)
    with pytest.raises(EnterpriseNotAuthorized):
        await delete_policy(lab.ports, name)


async def test_policies_go_with_their_enterprise(lab: World) -> None:
    other = EnterpriseName("LC0other00")
    name = PolicyName(other.enterprise, "strict")
    await create_enterprise(lab.ports, Enterprise(), enterprise_id=other.enterprise)
    await patch(lab, {"cameraDisabled": True}, name=name)

    await delete_enterprise(lab.ports, other)
    await create_enterprise(lab.ports, Enterprise(), enterprise_id=other.enterprise)

    with pytest.raises(NotFound):
        await get_policy(lab.ports, name)


@pytest.mark.parametrize(
    "body, said",
    [
        ({"wipeDataFlags": ["WIPE_ESIMS", "WIPE_ESIMS"]}, "policy.wipe_data_flags must not have duplicates."),
        ({"wipeDataFlags": ["WIPE_DATA_FLAG_UNSPECIFIED"]}, "policy.wipe_data_flags must not contain WIPE_DATA_FLAG_UNSPECIFIED."),
        (
            {"policyEnforcementRules": [{"settingName": "applications", "blockAction": {"blockAfterDays": 1}}]},
            "policyEnforcementRules[0] must have a block action and a wipe action.",
        ),
        ({"applications": [{"installType": "BLOCKED"}]}, "policy.applications[0].package_name is required."),
        ({"applications": [{"packageName": "a.b"}] * 2}, "policy.applications[1].package_name: an entry for a.b exists already."),
        ({"openNetworkConfiguration": {"x": "y" * 600_000}}, "The policy is too large: "),
    ],
)
async def test_a_policy_that_makes_no_sense_is_refused_and_nothing_changes(lab: World, body: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said.replace("[", r"\[").replace("]", r"\]")):
        await patch(lab, body)

    with pytest.raises(NotFound):
        await get_policy(lab.ports, STRICT)


@pytest.mark.parametrize("policy_id", ["with space", "-", "x" * 129])
async def test_a_policy_id_is_one_that_needs_no_escaping(lab: World, policy_id: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid policy id"):
        await patch(lab, {}, name=PolicyName(LAB.enterprise, policy_id))


async def test_single_applications_are_changed_added_and_removed(lab: World) -> None:
    await patch(lab, {"applications": [{"packageName": "a", "installType": "BLOCKED", "disabled": True}, {"packageName": "b"}]})

    async def modified(*changes: dict[str, object]) -> list[dict[str, object]]:
        request = decode_message(ModifyPolicyApplicationsRequest, json.dumps({"changes": changes}), root="")
        applications: list[dict[str, object]] = resource(await modify_policy_applications(lab.ports, STRICT, request))["applications"]
        return applications

    changed = await modified(
        {"application": {"packageName": "a", "installType": "AVAILABLE"}, "updateMask": "installType"},
        {"application": {"packageName": "c", "installType": "KIOSK"}},
        {"application": {"packageName": "b", "disabled": True}},
    )
    request = decode_message(RemovePolicyApplicationsRequest, b'{"packageNames":["a","unknown"]}', root="")
    left = resource(await remove_policy_applications(lab.ports, STRICT, request))

    a, b, c = {"packageName": "a"}, {"packageName": "b", "disabled": True}, {"packageName": "c", "installType": "KIOSK"}
    assert [{**a, "disabled": True, "installType": "AVAILABLE"}, b, c] == changed
    assert ([b, c], "3") == (left["applications"], left["version"])


@pytest.mark.parametrize(
    "changes, said",
    [
        ([], "changes must have at least one entry."),
        ([{"application": {"disabled": True}}], r"changes\[0\].application.package_name is required."),
        ([{}], r"changes\[0\].application.package_name is required."),
        ([{"application": {"packageName": "a"}, "updateMask": "colour"}], '"colour" is not a field path'),
    ],
)
async def test_a_change_of_no_application_is_refused(lab: World, changes: list[object], said: str) -> None:
    request = decode_message(ModifyPolicyApplicationsRequest, json.dumps({"changes": changes}), root="")

    with pytest.raises(InvalidArgument, match=said):
        await modify_policy_applications(lab.ports, DEFAULT, request)


async def test_applications_of_a_policy_that_is_not_there_are_not_found(lab: World) -> None:
    modify = decode_message(ModifyPolicyApplicationsRequest, b'{"changes":[{"application":{"packageName":"a"}}]}', root="")
    remove = decode_message(RemovePolicyApplicationsRequest, b'{"packageNames":["a"]}', root="")

    with pytest.raises(NotFound):
        await modify_policy_applications(lab.ports, STRICT, modify)
    with pytest.raises(NotFound):
        await remove_policy_applications(lab.ports, STRICT, remove)
    with pytest.raises(InvalidArgument, match="package_names must have at least one entry"):
        await remove_policy_applications(lab.ports, STRICT, RemovePolicyApplicationsRequest())


async def test_changes_at_once_are_all_counted(lab: World) -> None:
    fields = ("cameraDisabled", "funDisabled", "smsDisabled", "addUserDisabled")

    patches = {field: decode_message(Policy, json.dumps({field: True}), root="policy") for field in fields}
    await asyncio.gather(*(patch_policy(lab.ports, STRICT, patches[field], parse_field_mask(field)) for field in fields))

    assert {"name": str(STRICT), "version": "4", **dict.fromkeys(fields, True)} == resource(await get_policy(lab.ports, STRICT))


async def test_every_phone_of_a_policy_is_told_and_no_other(lab: World) -> None:
    """More phones than one page of them."""
    phones = [await lab.phone(token=EnrollmentToken(policy_name="strict")) for _ in range(103)]
    other = await lab.phone()

    await patch(lab, {})

    assert {phone.name for phone in phones} == set(lab.here.told)
    assert other.name not in lab.here.told
    assert len(phones) == len(lab.here.told)


async def test_a_phone_learns_name_and_version_whenever_it_connects_or_reports(lab: World) -> None:
    phone = await lab.phone(token=EnrollmentToken(policy_name="strict"))
    operation = await lab.issue(phone.name)
    await phone.acknowledges(operation)
    unmade = await phone.greets()

    await patch(lab, {})
    await patch(lab, {})

    told = [await phone.greets(), await phone.greets({operation: "a" * 32}), await phone.tells(facts())]
    assert (str(STRICT), 0) == (unmade.policy_name, unmade.policy_version)
    assert [(str(STRICT), 2)] * 3 == [(policy.policy_name, policy.policy_version) for policy in told]
    assert told[0] == await get_phone_policy(lab.ports, phone.name)


async def test_a_device_that_is_patched_is_told(lab: World) -> None:
    phone = await lab.phone()

    await patch_device(lab.ports, phone.name, Device(policy_name="strict"), ("policy_name",))

    assert [phone.name] == lab.here.told


def command_of(execute: object) -> dict[str, Any]:
    """The command in the answer to an acknowledgement."""
    assert isinstance(execute, Execute)
    command: dict[str, Any] = json.loads(bytes(execute.command or b"{}"))
    return command


async def last_order(lab: World, device: DeviceName) -> dict[str, Any]:
    """The command in the device's tombstone."""
    tombstone = await lab.ports.store.tombstone(device)
    assert tombstone is not None
    command: dict[str, Any] = json.loads(bytes(tombstone.last_order.command))
    return command


@pytest.mark.parametrize(
    "own, all_of_them",
    [([], ["WIPE_ESIMS"]), (["WIPE_EXTERNAL_STORAGE"], ["WIPE_EXTERNAL_STORAGE", "WIPE_ESIMS"]), (["WIPE_ESIMS"], ["WIPE_ESIMS"])],
)
async def test_the_policys_flags_count_at_a_wipe_besides_its_own(lab: World, own: list[str], all_of_them: list[str]) -> None:
    await patch(lab, {"wipeDataFlags": ["WIPE_ESIMS"]})
    phone = await lab.phone(token=EnrollmentToken(policy_name="strict"))
    operation = await lab.issue(phone.name, json.dumps({"wipeParams": {"wipeDataFlags": own} if own else {}}))

    first, again = await phone.acknowledges(operation), await phone.acknowledges(operation)

    wanted = {"type": "WIPE", "wipeParams": {"wipeDataFlags": all_of_them}}
    assert [wanted] * 3 == [command_of(first), command_of(again), await last_order(lab, phone.name)]
    assert own == json.loads((await lab.operation(operation)).command)["wipeParams"].get("wipeDataFlags", [])


async def test_the_policys_flags_do_not_count_before_android_15(lab: World) -> None:
    await patch(lab, {"wipeDataFlags": ["WIPE_ESIMS"]})
    phone = await lab.phone(msgspec.structs.replace(facts(), api_level=34), EnrollmentToken(policy_name="strict"))
    operation = await lab.issue(phone.name, '{"wipeParams":{}}')

    assert {"type": "WIPE", "wipeParams": {}} == command_of(await phone.acknowledges(operation))


async def test_the_policys_flags_do_not_count_when_a_device_is_deleted(lab: World) -> None:
    await patch(lab, {"wipeDataFlags": ["WIPE_ESIMS"]})
    phone = await lab.phone(token=EnrollmentToken(policy_name="strict"))

    await delete_device(lab.ports, phone.name)

    assert "wipeDataFlags" not in (await last_order(lab, phone.name))["wipeParams"]


@pytest.mark.parametrize(
    "demands, quality, length",
    [
        ([], "", 0),
        ([{"passwordQuality": "NUMERIC_COMPLEX", "passwordMinimumLength": 6}], "NUMERIC", 6),
        ([{"passwordQuality": "SOMETHING", "passwordMinimumLength": 6}], "SOMETHING", 0),
        ([{"passwordQuality": "COMPLEXITY_HIGH"}], "NUMERIC", 8),
        (
            [
                {"passwordQuality": "COMPLEXITY_LOW"},
                {"passwordQuality": "ALPHANUMERIC", "passwordMinimumLength": 5, "passwordScope": "SCOPE_DEVICE"},
                {"passwordQuality": "COMPLEX", "passwordMinimumLength": 9, "passwordScope": "SCOPE_PROFILE"},
            ],
            "ALPHANUMERIC",
            5,
        ),
    ],
)
async def test_a_phone_is_told_what_its_policy_demands_of_passwords(
    lab: World, demands: list[dict[str, object]], quality: str, length: int
) -> None:
    phone = await lab.phone()
    await patch(lab, {"passwordPolicies": demands}, name=DEFAULT)

    policy = await phone.greets()

    assert (quality, length) == (policy.password_quality, policy.password_minimum_length)


async def test_a_policy_kept_by_a_version_without_scopes_demands_the_same_of_work_profiles_until_it_is_changed(lab: World) -> None:
    phone = await lab.phone(facts(ownership=Ownership.PERSONALLY_OWNED))
    digits = {"passwordQuality": "NUMERIC", "passwordMinimumLength": 6, "passwordScope": "SCOPE_DEVICE"}
    await patch(lab, {"passwordPolicies": [digits]}, name=DEFAULT)
    kept = msgspec.structs.replace(await get_policy(lab.ports, DEFAULT), work_profile_password=None)
    await lab.ports.store.decide(Sees(policy=DEFAULT), lambda _facts: Decision(None, (Put(kept),)))

    before = await phone.greets()
    await patch(lab, {"passwordPolicies": [digits]}, name=DEFAULT)
    after = await phone.greets()

    assert (("NUMERIC", 6), ("", 0)) == tuple((policy.password_quality, policy.password_minimum_length) for policy in (before, after))
