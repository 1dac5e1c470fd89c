"""Whose password a demand of a policy is about, and when the policy has it expire.

Android counts from when the password was set, and again from when another timeout is set.

Source: disc, PasswordRequirements.passwordScope, passwordExpirationTimeout; AOSP, DevicePolicyManager.setPasswordExpirationTimeout.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from heliograph.domain.phone.credential import Credential
from heliograph.domain.phone.virtual_device import PasswordClock, VirtualDevice
from heliograph.protojson.times import parse_duration_ns


def demands_of(policy: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - made messages
    """Each PasswordRequirements of the policy, with its path."""
    for index, demand in enumerate(policy.password_policies):
        yield f"passwordPolicies[{index}]", demand
    if policy.password_requirements is not None:
        yield "passwordRequirements", policy.password_requirements


def scope_of(demand: Any, phone: VirtualDevice) -> str:  # noqa: ANN401 - the made message
    """The scope of a demand on this phone, in AMAPI's words; empty: it is for a work profile, and there is none."""
    scope: str = demand.password_scope.value
    if scope == "SCOPE_UNSPECIFIED":
        scope = "SCOPE_DEVICE" if phone.work_profile is None else "SCOPE_PROFILE"
    return "" if scope == "SCOPE_PROFILE" and phone.work_profile is None else scope


def credential_in(phone: VirtualDevice, scope: str) -> Credential | None:
    """What unlocks this side of the phone."""
    profile = phone.work_profile
    if profile is not None and profile.separate_lock and scope == "SCOPE_PROFILE":
        return profile.credential
    return phone.credential


def with_password_clocks(before: VirtualDevice, phone: VirtualDevice, policy: Any, *, now_us: int) -> VirtualDevice:  # noqa: ANN401
    """The phone that was `before`, which knows from when on the days of its passwords count."""
    clocks: dict[str, PasswordClock] = {}
    for scope, timeout_us in _timeouts_us(phone, policy).items():
        clock = phone.password_clocks.get(scope)
        if clock is None or clock.timeout_us != timeout_us or credential_in(before, scope) != credential_in(phone, scope):
            clock = PasswordClock(timeout_us=timeout_us, since_us=now_us)
        clocks[scope] = clock
    return phone if clocks == phone.password_clocks else msgspec.structs.replace(phone, password_clocks=clocks)


def has_expired(phone: VirtualDevice, scope: str, *, now_us: int) -> bool:
    """Whether the password of this scope is older than the policy allows."""
    clock = phone.password_clocks.get(scope)
    return clock is not None and clock.expires_us <= now_us and credential_in(phone, scope) is not None


def next_expiry_us(phone: VirtualDevice, *, now_us: int) -> int | None:
    """When the next password expires; None: never."""
    return min((clock.expires_us for clock in phone.password_clocks.values() if clock.expires_us > now_us), default=None)


def _timeouts_us(phone: VirtualDevice, policy: Any) -> dict[str, int]:  # noqa: ANN401 - the made message
    """The shortest timeout of each scope."""
    found: dict[str, int] = {}
    for _path, demand in demands_of(policy) if policy is not None and phone.managed else ():
        scope, timeout_us = scope_of(demand, phone), parse_duration_ns(demand.password_expiration_timeout or "0s") // 1_000
        if scope and timeout_us > 0:
            found[scope] = min(timeout_us, found.get(scope, timeout_us))
    return found
