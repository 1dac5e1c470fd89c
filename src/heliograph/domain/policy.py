"""A policy: what the server stores of it, and the mistakes that only the server can find.

Source: disc, Policy, PasswordRequirements.
"""

import enum
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from heliograph.domain.device import position
from heliograph.domain.names import EnterpriseName, PolicyName
from heliograph.domain.policy_messages import Policy
from heliograph.protojson.errors import Violation
from heliograph.protojson.messages import Int64, encode_message, stored_message

DEFAULT_ID = "default"
"""Disc, EnrollmentToken.policyName: the policy of who is given no other. It exists in every enterprise, empty until it is patched."""
_OF_DEVICES = frozenset({"SCOPE_UNSPECIFIED", "SCOPE_DEVICE"})
_OF_WORK_PROFILES = frozenset({"SCOPE_UNSPECIFIED", "SCOPE_PROFILE"})
_UNSPECIFIED_FLAG = "WIPE_DATA_FLAG_UNSPECIFIED"

PASSWORD_MIN_LENGTH = 4
"""Android's own minimum, with any policy.  Source: AOSP LockPatternUtils.MIN_LOCK_PASSWORD_SIZE."""


class PasswordQuality(enum.IntEnum):
    """What a policy demands, from nothing upwards; the names are AMAPI's, the order is Android's."""

    PASSWORD_QUALITY_UNSPECIFIED = 0
    SOMETHING = 1
    NUMERIC = 2
    ALPHABETIC = 3
    ALPHANUMERIC = 4
    COMPLEX = 5


_QUALITIES = {
    **{quality.name: (quality, 0) for quality in PasswordQuality},
    "BIOMETRIC_WEAK": (PasswordQuality.SOMETHING, 0),
    "NUMERIC_COMPLEX": (PasswordQuality.NUMERIC, 0),
    "COMPLEXITY_LOW": (PasswordQuality.SOMETHING, 0),
    "COMPLEXITY_MEDIUM": (PasswordQuality.NUMERIC, 4),
    "COMPLEXITY_HIGH": (PasswordQuality.NUMERIC, 8),
}
"""AMAPI's qualities as Android's, and the least length that a band asks for itself."""


class PasswordPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The least an admin accepts as a credential."""

    quality: PasswordQuality = PasswordQuality.PASSWORD_QUALITY_UNSPECIFIED
    minimum_length: int = 0

    def objection(self, secret: str) -> str | None:
        """Why the policy (or Android itself) does not accept this secret, or None; "" asks to have no credential."""
        if not secret:
            return "The policy demands a credential." if self.quality or self.minimum_length else None
        least = max(PASSWORD_MIN_LENGTH, self.minimum_length)
        if len(secret) < least:
            return f"The password must have at least {least} characters."
        return self._quality_objection(secret)

    def _quality_objection(self, secret: str) -> str | None:
        digits = any(character.isdigit() for character in secret)
        letters = any(character.isalpha() for character in secret)
        symbols = any(not character.isalnum() for character in secret)
        match self.quality:
            case PasswordQuality.ALPHABETIC if not letters:
                return "The password must contain a letter."
            case PasswordQuality.ALPHANUMERIC if not (letters and digits):
                return "The password must contain a letter and a digit."
            case PasswordQuality.COMPLEX if not (letters and digits and symbols):
                return "The password must contain a letter, a digit and a symbol."
            case _:
                return None


class PolicyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the server keeps of one policy: `resource` is its canonical Policy JSON, name and version included."""

    name: PolicyName
    version: int
    created_us: int
    resource: bytes
    wipe_data_flags: tuple[str, ...] = ()
    """As in the resource: what a wipe of its devices erases in addition."""
    password: PasswordPolicy = PasswordPolicy()
    """What the resource demands of a device's password, as far as a virtual phone obeys it."""
    work_profile_password: PasswordPolicy | None = None
    """Its rules for a work profile's password; None: the same (in records of versions that did not distinguish them)."""

    @property
    def position(self) -> str:
        """The policy's place in lists (oldest first)."""
        return position(self.created_us, self.name.policy)

    @property
    def message(self) -> msgspec.Struct:
        """The Policy message in the record."""
        return stored_message(Policy, self.resource)


def record_of(name: PolicyName, policy: msgspec.Struct, *, version: int, created_us: int) -> PolicyRecord:
    """The record of this message; its own name and version are ignored."""
    whole: Any = msgspec.structs.replace(policy, name=str(name), version=Int64(version))
    flags = tuple(flag.value for flag in whole.wipe_data_flags)
    return PolicyRecord(
        name=name,
        version=version,
        created_us=created_us,
        resource=encode_message(whole),
        wipe_data_flags=flags,
        password=_password_of(whole, _OF_DEVICES),
        work_profile_password=_password_of(whole, _OF_WORK_PROFILES),
    )


def _password_of(policy: Any, scopes: frozenset[str]) -> PasswordPolicy:  # noqa: ANN401 - the made message
    """The strictest of what the policy demands of passwords in these scopes.

    Source: disc, PasswordRequirements: a demand without a scope is for the work profile on phones that have one; a minimum length counts
    with the qualities NUMERIC to COMPLEX only; the bands COMPLEXITY_… say how long a PIN must be.
    """
    demands = [*policy.password_policies, *([policy.password_requirements] if policy.password_requirements else ())]
    return password_policy(demand for demand in demands if demand.password_scope.value in scopes)


def password_policy(demands: Iterable[Any]) -> PasswordPolicy:
    """The strictest of these PasswordRequirements messages."""
    found = PasswordPolicy()
    for demand in demands:
        quality, least = _QUALITIES[demand.password_quality.value]
        length = demand.password_minimum_length if quality >= PasswordQuality.NUMERIC and not least else least
        found = PasswordPolicy(quality=max(found.quality, quality), minimum_length=max(found.minimum_length, length))
    return found


def implicit_default(enterprise: EnterpriseName) -> PolicyRecord:
    """The enterprise's default policy before its first patch."""
    return record_of(PolicyName(enterprise.enterprise, DEFAULT_ID), Policy(), version=1, created_us=0)


def changed(old: PolicyRecord | None, name: PolicyName, policy: msgspec.Struct, *, now_us: int) -> PolicyRecord:
    """The record after a change to this message: its version is one more."""
    if old is None:
        return record_of(name, policy, version=1, created_us=now_us)
    return record_of(name, policy, version=old.version + 1, created_us=old.created_us or now_us)


def violations(policy: Any, *, path: str = "policy") -> Iterator[Violation]:  # noqa: ANN401 - the made message
    """Every mistake in the policy at the proto path `path` that its shape does not show.

    Source: disc, Policy.wipeDataFlags, PolicyEnforcementRule; amapi.md §4.5.
    """
    flags = [flag.value for flag in policy.wipe_data_flags]
    where = f"{path}.wipe_data_flags"
    if _UNSPECIFIED_FLAG in flags:
        yield Violation(where, f"{where} must not contain {_UNSPECIFIED_FLAG}.")
    if len(flags) != len(set(flags)):
        yield Violation(where, f"{where} must not have duplicates.")
    for index, rule in enumerate(policy.policy_enforcement_rules):
        if rule.block_action is None or rule.wipe_action is None:
            where = f"{path}.policy_enforcement_rules[{index}]"
            yield Violation(where, f"policyEnforcementRules[{index}] must have a block action and a wipe action.")
        elif not 0 <= rule.block_action.block_after_days < rule.wipe_action.wipe_after_days:
            where = f"{path}.policy_enforcement_rules[{index}].block_action.block_after_days"
            yield Violation(where, f"{where} must be at least 0 and less than wipe_after_days.")
    seen: set[str] = set()
    for index, package in enumerate(application.package_name for application in policy.applications):
        where = f"{path}.applications[{index}].package_name"
        if not package:
            yield Violation(where, f"{where} is required.")
        elif package in seen:
            yield Violation(where, f"{where}: an entry for {package[:128]} exists already.")
        seen.add(package)
