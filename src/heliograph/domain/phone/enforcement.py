"""What a virtual phone does when it has not complied with its policy for long: the policy's `policyEnforcementRules`.

A rule names a setting. From the moment at which the phone does not comply with it, the days run: the phone is blocked after the rule's
`blockAfterDays` until it complies again, and wipes itself after `wipeAfterDays`. Of several rules the most severe action counts.

Source: disc, PolicyEnforcementRule, BlockAction, WipeAction.
"""

from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from heliograph.domain.device import ManagementKind
from heliograph.domain.phone.virtual_device import VirtualDevice

DAY_US = 24 * 3_600 * 1_000_000
WORK_PROFILE, DEVICE = "BLOCK_SCOPE_WORK_PROFILE", "BLOCK_SCOPE_DEVICE"


def enforced(phone: VirtualDevice, policy: Any, breached: Collection[str], *, now_us: int) -> VirtualDevice:  # noqa: ANN401 - the made message
    """The phone that does not comply with these settings of its policy now: since when, and what of it is blocked."""
    ruled = {rule.setting_name for rule in policy.policy_enforcement_rules} if policy is not None and phone.managed else frozenset()
    since_us = {setting: phone.breached_since_us.get(setting, now_us) for setting in ruled if setting in breached}
    phone = phone if since_us == phone.breached_since_us else msgspec.structs.replace(phone, breached_since_us=since_us)
    scope = _blocked_scope(phone, policy, now_us)
    return phone if scope == phone.blocked_scope else msgspec.structs.replace(phone, blocked_scope=scope)


def next_action_us(phone: VirtualDevice, policy: Any, *, now_us: int) -> int | None:  # noqa: ANN401 - the made message
    """When a rule next blocks or wipes the phone if it complies with nothing more until then, now at the earliest; None: never."""
    if not phone.breached_since_us:
        return None
    if _blocked_scope(phone, policy, now_us) != phone.blocked_scope:
        return now_us
    running = list(_running(phone, policy))
    blocks = (_after(since_us, rule.block_action.block_after_days) for rule, since_us in running)
    wipes = (_after(since_us, rule.wipe_action.wipe_after_days) for rule, since_us in running)
    return min((*(block_us for block_us in blocks if block_us > now_us), *(max(wipe_us, now_us) for wipe_us in wipes)), default=None)


def wipe_due(phone: VirtualDevice, policy: Any, *, now_us: int) -> Any:  # noqa: ANN401 - made messages
    """The WipeAction whose days are over, or None."""
    due = (rule.wipe_action for rule, since_us in _running(phone, policy) if _after(since_us, rule.wipe_action.wipe_after_days) <= now_us)
    return next(due, None)


def _running(phone: VirtualDevice, policy: Any) -> Iterator[tuple[Any, int]]:  # noqa: ANN401 - made messages
    """Each rule whose setting the phone does not comply with, and since when. The server takes only rules with both actions."""
    for rule in policy.policy_enforcement_rules if policy is not None else ():
        since_us = phone.breached_since_us.get(rule.setting_name)
        if since_us is not None and rule.block_action is not None and rule.wipe_action is not None:
            yield rule, since_us


def _blocked_scope(phone: VirtualDevice, policy: Any, now_us: int) -> str:  # noqa: ANN401 - the made message
    """What is blocked, in AMAPI's words; empty: nothing."""
    scopes = {
        _scope(phone, rule.block_action.block_scope.value)
        for rule, since_us in _running(phone, policy)
        if _after(since_us, rule.block_action.block_after_days) <= now_us
    }
    return DEVICE if DEVICE in scopes else WORK_PROFILE if scopes else ""


def _scope(phone: VirtualDevice, wanted: str) -> str:
    """Source: disc, BlockAction.blockScope: "Only applicable to devices that are company-owned", with a work profile that is."""
    match phone.management_kind:
        case ManagementKind.FULLY_MANAGED:
            return DEVICE
        case ManagementKind.COMPANY_OWNED_WORK_PROFILE if wanted == DEVICE:
            return DEVICE
        case _:
            return WORK_PROFILE


def _after(since_us: int, days: int) -> int:
    return since_us + days * DAY_US
