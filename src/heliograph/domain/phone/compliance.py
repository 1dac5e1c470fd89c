"""How a virtual phone judges itself by its policy: a row for each setting that is judged. All others count as applied.

Source: disc, NonComplianceDetail, PasswordRequirements, PersonalUsagePolicies, Policy.minimumApiLevel, locationMode, encryptionPolicy,
ensureVerifyAppsEnabled.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from heliograph.domain.phone.applications import application_faults, blocked_personally
from heliograph.domain.phone.credential import Credential
from heliograph.domain.phone.location_mode import users_to_switch, wanted_location
from heliograph.domain.phone.passwords import credential_in, demands_of, has_expired, scope_of
from heliograph.domain.phone.policy_support import SUPPORT, unsupported
from heliograph.domain.phone.virtual_device import Scope, VirtualDevice
from heliograph.domain.policy import PasswordPolicy, password_policy
from heliograph.domain.policy_messages import Policy
from heliograph.protojson.messages import encode_message

Detail = dict[str, Any]
"""A NonComplianceDetail in AMAPI's JSON."""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is judged: a phone as it reports itself, and its policy."""

    phone: VirtualDevice
    policy: Any
    api_level: int
    device_settings: Mapping[str, Any]
    """DeviceSettings in AMAPI's JSON."""
    now_us: int = 0


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """How one setting is judged."""

    setting: str
    """The top-level field of Policy."""
    says: str
    faults: Callable[[Subject], Iterator[Detail]]
    """The details, without the settingName."""


def _minimum_api_level(subject: Subject) -> Iterator[Detail]:
    if subject.api_level < subject.policy.minimum_api_level:
        yield {"nonComplianceReason": "OS_NOT_PERMITTED", "currentValue": subject.api_level}


def _encryption(subject: Subject) -> Iterator[Detail]:
    wanted = subject.policy.encryption_policy.value
    if wanted == "ENCRYPTION_POLICY_UNSPECIFIED":
        return
    reasons = {"UNSUPPORTED": "UNSUPPORTED", "INACTIVE": "USER_ACTION", "ACTIVATING": "PENDING"}
    reason = reasons.get(subject.device_settings.get("encryptionStatus", ""))
    if reason is None and wanted == "ENABLED_WITH_PASSWORD" and not subject.device_settings.get("isDeviceSecure"):
        reason = "USER_ACTION"
    if reason is not None:
        yield {"nonComplianceReason": reason}


def _verify_apps(field_path: str, wanted: Callable[[Any], bool]) -> Callable[[Subject], Iterator[Detail]]:
    def faults(subject: Subject) -> Iterator[Detail]:
        if wanted(subject.policy) and not subject.device_settings.get("verifyAppsEnabled"):
            where = {"fieldPath": field_path} if field_path else {}
            yield {**where, "nonComplianceReason": "USER_ACTION"}

    return faults


def _verification_enforced(policy: Any) -> bool:  # noqa: ANN401 - the made message
    overrides = policy.advanced_security_overrides
    return overrides is not None and overrides.google_play_protect_verify_apps.value == "VERIFY_APPS_ENFORCED"


def _passwords(setting: str) -> Callable[[Subject], Iterator[Detail]]:
    def faults(subject: Subject) -> Iterator[Detail]:
        for path, demand in demands_of(subject.policy):
            if path.startswith(setting):
                yield from _password_faults(subject, demand, path)

    return faults


def _password_faults(subject: Subject, demand: Any, path: str) -> Iterator[Detail]:  # noqa: ANN401 - the made message
    profile, scope = subject.phone.work_profile, scope_of(demand, subject.phone)
    if not scope:
        return
    if demand.unified_lock_settings.value == "REQUIRE_SEPARATE_WORK_LOCK" and profile is not None and not profile.separate_lock:
        yield {"fieldPath": f"{path}.unifiedLockSettings", "nonComplianceReason": "USER_ACTION"}
    about = {
        "nonComplianceReason": "USER_ACTION",
        "specificNonComplianceContext": {"passwordPoliciesContext": {"passwordPolicyScope": scope}},
    }
    if demand.password_expiration_timeout and has_expired(subject.phone, scope, now_us=subject.now_us):
        expired = "PASSWORD_POLICIES_PASSWORD_EXPIRED"
        yield {"fieldPath": f"{path}.passwordExpirationTimeout", **about, "specificNonComplianceReason": expired}
    if not _suffices(credential_in(subject.phone, scope), password_policy([demand]), demand):
        insufficient = "PASSWORD_POLICIES_PASSWORD_NOT_SUFFICIENT"
        yield {"fieldPath": f"{path}.passwordQuality", **about, "specificNonComplianceReason": insufficient}


def _location(subject: Subject) -> Iterator[Detail]:
    wanted = wanted_location(subject.policy)
    if wanted is not None and users_to_switch(subject.phone) and subject.phone.location_on is not wanted:
        yield {"nonComplianceReason": "USER_ACTION"}


def _personal_applications(subject: Subject) -> Iterator[Detail]:
    there = {app.package for app in subject.phone.apps if not app.system and app.scope is Scope.DEVICE}
    for index, package in blocked_personally(subject.phone, subject.policy):
        if package in there:
            path = f"personalUsagePolicies.personalApplications[{index}]"
            yield {"fieldPath": path, "packageName": package, "nonComplianceReason": "APP_INSTALLED"}


_COUNTED: Mapping[str, Callable[[str], bool]] = {
    "password_minimum_letters": str.isalpha,
    "password_minimum_lower_case": str.islower,
    "password_minimum_upper_case": str.isupper,
    "password_minimum_numeric": str.isdigit,
    "password_minimum_non_letter": lambda character: not character.isalpha(),
    "password_minimum_symbols": lambda character: not character.isalnum(),
}
"""What a password of quality COMPLEX must have of each, and which characters count."""


def _suffices(credential: Credential | None, least: PasswordPolicy, demand: Any) -> bool:  # noqa: ANN401 - the made message
    secret = credential.secret if credential is not None else ""
    if least == PasswordPolicy():
        return True
    if least.objection(secret) is not None:
        return False
    if demand.password_quality.value != "COMPLEX":
        return True
    return all(sum(map(counts, secret)) >= getattr(demand, field) for field, counts in _COUNTED.items())


JUDGED = (
    Judgement(setting="minimumApiLevel", says="OS_NOT_PERMITTED below it", faults=_minimum_api_level),
    Judgement(
        setting="passwordPolicies", faults=_passwords("passwordPolicies"),
        says="USER_ACTION while the credential in its scope has too low a quality, is too short, has too few characters of a kind, or has "
        "expired (`passwordExpirationTimeout`); while a separate work lock is required and not set",
    ),
    Judgement(setting="passwordRequirements", faults=_passwords("passwordRequirements"), says="as `passwordPolicies`"),
    Judgement(
        setting="applications", faults=lambda subject: application_faults(subject.phone, subject.policy),
        says="APP_NOT_INSTALLED, APP_NOT_UPDATED or APP_INSTALLED while `appFailures` keep an app from being changed",
    ),
    Judgement(
        setting="personalUsagePolicies", faults=_personal_applications,
        says="`personalApplications`: APP_INSTALLED while `appFailures` keep a blocked app from being removed",
    ),
    Judgement(
        setting="locationMode", faults=_location,
        says="USER_ACTION on a company-owned phone with a work profile, from Android 11 on, while its user has location the other way "
        "(`locationOn`); other phones of a company switch it",
    ),
    Judgement(
        setting="encryptionPolicy", faults=_encryption,
        says="USER_ACTION, PENDING or UNSUPPORTED while the reported `encryptionStatus` is INACTIVE, ACTIVATING or UNSUPPORTED; "
        "USER_ACTION while a password is demanded and the device has none",
    ),
    Judgement(
        setting="ensureVerifyAppsEnabled", says="USER_ACTION while the reported `verifyAppsEnabled` is false",
        faults=_verify_apps("", lambda policy: bool(policy.ensure_verify_apps_enabled)),
    ),
    Judgement(
        setting="advancedSecurityOverrides", says="`googlePlayProtectVerifyApps`: as `ensureVerifyAppsEnabled`",
        faults=_verify_apps("advancedSecurityOverrides.googlePlayProtectVerifyApps", _verification_enforced),
    ),
)  # fmt: skip
"""Settings that are judged by what the phone is like. Whether it supports a setting at all is judged besides (policy_support.py)."""


def judged_settings() -> Sequence[str]:
    """The top-level fields of Policy that are judged in some way, in Policy's order."""
    judged = {row.setting for row in JUDGED} | {row.setting for row in SUPPORT}
    return [field.encode_name for field in msgspec.structs.fields(Policy) if field.encode_name in judged]


OBEYED = ("policyEnforcementRules",)
"""Settings that say what follows from the judgement (enforcement.py)."""


def unjudged_settings() -> Sequence[str]:
    """The others: a phone that is sent one counts it as applied."""
    judged = {*judged_settings(), *OBEYED, "name", "version"}
    return [field.encode_name for field in msgspec.structs.fields(Policy) if field.encode_name not in judged]


def non_compliance_details(subject: Subject) -> list[Detail]:
    """What the phone does not comply with: in the order of the tables, what it does not support first."""
    policy = msgspec.json.decode(encode_message(subject.policy))
    return [
        *unsupported(policy, subject.phone.management_kind, subject.api_level),
        *({"settingName": row.setting, **detail} for row in JUDGED for detail in row.faults(subject)),
    ]
