"""Policies: read, changed and deleted, and what a phone gets to know of its own."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from heliograph.domain import policy as policies
from heliograph.domain.device import DeviceRecord, DeviceState, ManagementMode
from heliograph.domain.errors import EnterpriseNotAuthorized
from heliograph.domain.names import ID_PATTERN, EnterpriseName, PolicyName
from heliograph.domain.policy import DEFAULT_ID, PasswordPolicy, PolicyRecord, implicit_default
from heliograph.domain.policy_messages import ApplicationPolicy, Policy
from heliograph.protocol import POLICY_MAX_BYTES, PhonePolicy
from heliograph.protojson.errors import FailedPrecondition, InvalidArgument, NotFound, Violation, Violations
from heliograph.protojson.field_mask import apply_mask, parse_field_mask
from heliograph.service.not_found import enterprise_absence
from heliograph.service.paging import page_of
from heliograph.service.ports import Decision, Delete, Facts, Held, Page, Ports, Put, Sees
from heliograph.service.tenant_bounds import require_room_for_policy, require_size

Change = Callable[[PolicyRecord | None], msgspec.Struct]
"""The new Policy message from the present record; it may run again."""

TOLD_AT_ONCE = 100
"""Devices looked up at a time: others get their turn between two pages."""


async def get_policy(ports: Ports, name: PolicyName) -> PolicyRecord:
    """The policy.  Raises: EnterpriseNotAuthorized, NotFound."""
    if (error := await enterprise_absence(ports, name.parent)) is not None:
        raise error
    record = await _policy_record(ports, name)
    if record is None:
        raise NotFound
    return record


async def list_policies(
    ports: Ports, enterprise: EnterpriseName, *, page_size: int | None = None, page_token: str = ""
) -> tuple[Sequence[PolicyRecord], str]:
    """A page of the enterprise's policies, oldest first, and the next page's token.

    A default policy that was never patched comes first.

    Raises: EnterpriseNotAuthorized; InvalidArgument: page size or token.
    """
    if (error := await enterprise_absence(ports, enterprise)) is not None:
        raise error

    async def read(after: str, limit: int) -> Page[PolicyRecord]:
        page = await ports.store.policies(enterprise, after=after, limit=limit)
        if after or await ports.store.policy(PolicyName(enterprise.enterprise, DEFAULT_ID)) is not None:
            return page
        items = (implicit_default(enterprise), *page.items)
        return Page(items=items[:limit], more=page.more or len(items) > limit)

    return await page_of(ports, f"{enterprise}/policies", read, page_size=page_size, page_token=page_token)


async def _policy_record(ports: Ports, name: PolicyName) -> PolicyRecord | None:
    """The policy; an enterprise's default policy exists without being created."""
    return _existing(await ports.store.policy(name), name)


def _existing(record: PolicyRecord | None, name: PolicyName) -> PolicyRecord | None:
    """The record, or the one that stands for an unpatched default policy."""
    if record is None and name.policy == DEFAULT_ID:
        return implicit_default(EnterpriseName(name.enterprise))
    return record


async def phone_policy(ports: Ports, device: DeviceRecord, *, whole: bool = False) -> PhonePolicy:
    """The policy as the phone gets it when it connects or reports, and when it has changed.

    The Policy message is in it if `whole`, or if the phone did not report that it applies this version.

    Version 0: the device's policy does not exist yet, so there is nothing to apply.
    """
    record = await _policy_record(ports, PolicyName.parse(device.policy_name)) if device.policy_name else None
    password = _demanded(record, device)
    report = device.report
    known = record is not None and (report.applied_policy_name, report.applied_policy_version) == (device.policy_name, record.version)
    return PhonePolicy(
        policy_name=device.policy_name,
        policy_version=record.version if record is not None else 0,
        disabled=device.wanted_state is DeviceState.DISABLED,
        disabled_reason=device.disabled_reason,
        user_name=device.user_name,
        password_quality=password.quality.name if password.quality else "",
        password_minimum_length=password.minimum_length,
        policy=msgspec.Raw(record.resource) if record is not None and (whole or not known) else None,
    )


def _demanded(record: PolicyRecord | None, device: DeviceRecord) -> PasswordPolicy:
    """What the policy demands of the one password that an admin of this device can reset."""
    if record is None:
        return PasswordPolicy()
    of_profile = record.work_profile_password
    return of_profile if of_profile is not None and device.report.management_mode is ManagementMode.PROFILE_OWNER else record.password


def full_policy_name(enterprise: EnterpriseName, policy: str, *, path: str) -> str:
    """The policy's resource name; a bare id is accepted, as real clients send one (amapi.md §6.13).

    Raises: InvalidArgument in Google's words (amapi.md §4.5), for the field at `path`.
    """
    prefix = f"{enterprise}/policies/"
    policy_id = policy.removeprefix(prefix)
    if not ID_PATTERN.fullmatch(policy_id):
        raise InvalidArgument(violations=[Violation(path, f"policy_name is expected to start with {prefix} and to end with a policy id.")])
    return prefix + policy_id


async def _change_policy(ports: Ports, name: PolicyName, change: Change) -> PolicyRecord:
    """Apply `change` to the policy, raise its version by one, and notify its phones.

    Raises: what `change` raises; InvalidArgument: no policy can be like this; TooManyPolicies; EnterpriseNotAuthorized.
    """
    if not ID_PATTERN.fullmatch(name.policy):
        raise InvalidArgument(f"Invalid policy id {name.policy[:128]!r}: use letters, digits and ._~- only.")

    def rule(facts: Facts) -> Decision[PolicyRecord | None]:
        if facts.enterprise is None:
            return Decision(None)
        old = _existing(facts.policy, name)
        wanted = change(old)
        if found := Violations(policies.violations(wanted)):
            raise InvalidArgument(violations=found)
        record = policies.changed(old, name, wanted, now_us=facts.now_us)
        require_size(len(record.resource), limits, what="policy", path="policy", ever=POLICY_MAX_BYTES)
        # In the store, a resource is base64 inside its record.
        grows_by = (len(record.resource) - (len(facts.policy.resource) if facts.policy else 0)) * 4 // 3
        require_room_for_policy(holding, limits, new=facts.policy is None, grows_by=grows_by)
        return Decision(record, (Put(record),))

    limits = ports.limits
    async with ports.turns.adding(ports.store, name.parent, Held.POLICIES, most=limits.policies_most) as holding:
        changed = await ports.store.decide(Sees(enterprise=name.parent, policy=name), rule)
    if changed is None:
        raise await enterprise_absence(ports, name.parent) or EnterpriseNotAuthorized()
    await _tell_phones(ports, name)
    return changed


async def patch_policy(ports: Ports, name: PolicyName, patch: msgspec.Struct, mask: tuple[str, ...] | None) -> PolicyRecord:
    """The policy with the fields that `mask` (proto paths) names taken from `patch`; without a mask, it is what `patch` says, whole.

    One that does not exist is made.

    Raises: InvalidArgument; EnterpriseNotAuthorized.
    Source: disc, policies.patch ("Updates or creates a policy"; "If not set, all modifiable fields will be modified").
    """

    def change(old: PolicyRecord | None) -> msgspec.Struct:
        return patch if mask is None else apply_mask(old.message if old else Policy(), patch, mask)

    return await _change_policy(ports, name, change)


async def modify_policy_applications(ports: Ports, name: PolicyName, request: Any) -> PolicyRecord:  # noqa: ANN401 - the made message
    """The policy with each change applied in turn: to the application of that package, or as a new one at the end.

    Raises: InvalidArgument; EnterpriseNotAuthorized, NotFound.
    Source: disc, policies.modifyPolicyApplications, ApplicationPolicyChange.
    """
    changes = [(change.application, _mask(change.update_mask, index)) for index, change in enumerate(request.changes)]
    violations = Violations(
        Violation(f"changes[{index}].application.package_name", f"changes[{index}].application.package_name is required.")
        for index, (application, _) in enumerate(changes)
        if application is None or not application.package_name
    )
    if not changes:
        violations.extend([Violation("changes", "changes must have at least one entry.")])
    if violations:
        raise InvalidArgument(violations=violations)

    def change(old: PolicyRecord | None) -> msgspec.Struct:
        if old is None:
            raise NotFound
        policy: Any = old.message
        applications = {application.package_name: application for application in policy.applications}
        for wanted, mask in changes:
            known = applications.get(wanted.package_name, ApplicationPolicy(package_name=wanted.package_name))
            applications[wanted.package_name] = apply_mask(known, wanted, mask) if mask else wanted
        modified: msgspec.Struct = msgspec.structs.replace(policy, applications=tuple(applications.values()))
        return modified

    return await _change_policy(ports, name, change)


def _mask(text: str, index: int) -> tuple[str, ...]:
    """Raises: InvalidArgument, at the mask's place."""
    try:
        return parse_field_mask(text, of=ApplicationPolicy)
    except InvalidArgument as error:
        violations = [Violation(f"changes[{index}].{one.field}", one.description) for one in error.violations]
        raise InvalidArgument(violations=violations) from None


async def remove_policy_applications(ports: Ports, name: PolicyName, request: Any) -> PolicyRecord:  # noqa: ANN401 - the made message
    """The policy without the applications of these packages; those that it does not have are ignored.

    Raises: InvalidArgument: no package is named; EnterpriseNotAuthorized, NotFound.
    Source: disc, policies.removePolicyApplications.
    """
    packages = frozenset(request.package_names)
    if not packages:
        raise InvalidArgument(violations=[Violation("package_names", "package_names must have at least one entry.")])

    def change(old: PolicyRecord | None) -> msgspec.Struct:
        if old is None:
            raise NotFound
        policy: Any = old.message
        kept = tuple(application for application in policy.applications if application.package_name not in packages)
        without: msgspec.Struct = msgspec.structs.replace(policy, applications=kept)
        return without

    return await _change_policy(ports, name, change)


class DefaultPolicyStays(FailedPrecondition):
    """The default policy cannot be deleted: devices without another policy have it. Patch it to {} instead."""

    reason = "DEFAULT_POLICY_STAYS"


class PolicyInUse(FailedPrecondition):
    """The policy has devices. Give them another policy first."""

    reason = "POLICY_IN_USE"


async def delete_policy(ports: Ports, name: PolicyName) -> None:
    """The policy is gone.

    A device that is given it in the same moment has the name of a policy that does not exist, as it might from the beginning.

    Raises: DefaultPolicyStays, PolicyInUse; EnterpriseNotAuthorized, NotFound.
    Source: disc, policies.delete ("only permitted if no devices are currently referencing the policy").
    """
    if (error := await enterprise_absence(ports, name.parent)) is not None:
        raise error
    if name.policy == DEFAULT_ID:
        raise DefaultPolicyStays
    users = (await ports.store.devices_with_policy(name, after="", limit=1)).items
    if users:
        raise PolicyInUse(f"{name} has devices, {users[0].name} for one. Give them another policy first.")

    def rule(facts: Facts) -> Decision[bool]:
        if facts.enterprise is None:
            raise EnterpriseNotAuthorized
        return Decision(answer=facts.policy is not None, writes=(Delete(name),))

    if not await ports.store.decide(Sees(enterprise=name.parent, policy=name), rule):
        raise NotFound


async def _tell_phones(ports: Ports, name: PolicyName) -> None:
    """Every connected phone with this policy is notified soon; the others learn of it when they connect."""
    after = ""
    while True:
        page = await ports.store.devices_with_policy(name, after=after, limit=TOLD_AT_ONCE)
        for device in page.items:
            ports.doorbell.policy_changed(device.name)
        if not page.more or not page.items:
            return
        after = page.items[-1].position
        await asyncio.sleep(0)
