"""A phone judges itself: every row of the tables, compared with AMAPI's document and made to appear."""

import json
import re
from typing import Any

import msgspec
import pytest

from heliograph.agent.profiles import PROFILES
from heliograph.domain.device import ManagementKind
from heliograph.domain.official_messages import MESSAGES
from heliograph.domain.phone.applications import with_applications
from heliograph.domain.phone.compliance import JUDGED, OBEYED, judged_settings, unjudged_settings
from heliograph.domain.phone.credential import Credential
from heliograph.domain.phone.passwords import next_expiry_us, with_password_clocks
from heliograph.domain.phone.policy_support import SUPPORT, Support
from heliograph.domain.phone.report_fields import Situation, device_report, value_of
from heliograph.domain.phone.virtual_device import App, Scope, VirtualDevice, WorkProfile
from heliograph.protojson.messages import encode_message
from tests.commands.phones import NOW_US, phone_of
from tests.commands.policies import policy_of
from tests.discovery import document

SCHEMAS: dict[str, Any] = document()["schemas"]
CHAT = "com.example.chat"
GAME = "com.example.game"
FULLY, COPE = ManagementKind.FULLY_MANAGED, ManagementKind.COMPANY_OWNED_WORK_PROFILE
PERSONAL = (App(package=GAME), App(package=CHAT, scope=Scope.WORK_PROFILE))
BLOCKS_GAME = {"personalApplications": [{"packageName": CHAT}, {"packageName": GAME, "installType": "BLOCKED"}]}


def details(phone: VirtualDevice, **policy: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    """What the phone finds against this policy once it has applied it."""
    wanted = policy_of(**policy)
    applied = with_applications(phone, wanted, now_us=NOW_US)
    report = json.loads(encode_message(device_report(Situation(phone=applied, policy=wanted))))
    found: list[dict[str, Any]] = report.get("nonComplianceDetails", [])
    assert (not found) == report.get("policyCompliant", False)
    return found


def reasons(phone: VirtualDevice, **policy: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Only why."""
    return [detail["nonComplianceReason"] for detail in details(phone, **policy)]


def instead(phone: VirtualDevice, **fields: Any) -> VirtualDevice:  # noqa: ANN401 - JSON
    """The phone that reports these fields whatever it finds."""
    return msgspec.structs.replace(phone, reported_instead=fields)


def described(path: str) -> tuple[dict[str, Any], str]:
    """The property at a path of Policy, and the texts about it."""
    schema, of, texts = SCHEMAS["Policy"], {}, []
    for name in path.split("."):
        of = schema["properties"][name.removesuffix("[]")]
        texts.append(of["description"])
        inner = of.get("items", of)
        texts += inner.get("enumDescriptions", [])
        schema = SCHEMAS.get(inner.get("$ref", ""), schema)
    return of.get("items", of), " ".join(texts)


def setting(row: Support) -> dict[str, Any]:
    """A policy that sets what the row is about."""
    of, _ = described(row.path)
    value: Any = row.values[0] if row.values else _any_value(of)
    *outer, last = row.path.split(".")
    found: dict[str, Any] = {last.removesuffix("[]"): [value] if is_list(row.path) else value}
    for name in reversed(outer):
        found = {name.removesuffix("[]"): [found] if name.endswith("[]") else found}
    return found


def _any_value(of: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    if "enum" in of:
        return of["enum"][1]
    return {"boolean": True, "string": "x"}.get(of.get("type", ""), {})


def is_list(path: str) -> bool:
    """Whether the last field of the path is repeated."""
    schema = SCHEMAS["Policy"]
    *outer, last = [name.removesuffix("[]") for name in path.split(".")]
    for name in outer:
        of = schema["properties"][name]
        schema = SCHEMAS[of.get("items", of)["$ref"]]
    return bool(schema["properties"][last].get("type") == "array")


@pytest.mark.parametrize("row", SUPPORT, ids=lambda row: f"{row.path} {'/'.join(row.values)}")
def test_a_row_of_support_is_about_a_setting_whose_description_speaks_of_support(row: Support) -> None:
    of, texts = described(row.path)

    assert set(row.values) <= set(of.get("enum", row.values))
    assert "NonComplianceDetail" in texts or "non_compliance" in texts
    for version in set(row.android) - {None, 0}:
        assert re.search(rf"\b{version}\b", texts), version


@pytest.mark.parametrize("row", SUPPORT, ids=lambda row: f"{row.path} {'/'.join(row.values)}")
@pytest.mark.parametrize("kind", ManagementKind, ids=lambda kind: kind.name)
def test_a_phone_reports_what_it_does_not_support_and_nothing_else(row: Support, kind: ManagementKind) -> None:
    lowest = row.lowest_level(kind)
    policy = setting(row)

    def found(api_level: int) -> list[str]:
        return [
            detail["nonComplianceReason"]
            for detail in details(phone_of(kind, api_level), **policy)
            if detail["settingName"] == row.setting and detail["nonComplianceReason"] in {"MANAGEMENT_MODE", "API_LEVEL"}
        ]

    if lowest is None:
        assert ["MANAGEMENT_MODE"] == found(36)
    else:
        assert [] == found(36)
        assert ([row.reason(kind, lowest - 1)] if lowest else []) == found(max(lowest - 1, 1))


def test_a_path_names_the_element_of_a_list_as_javascript_does() -> None:
    applications = [{"packageName": "a"}, {"packageName": "b", "userControlSettings": "USER_CONTROL_DISALLOWED"}]

    found = details(phone_of(FULLY, 29), applications=applications)

    assert [
        {"settingName": "applications", "fieldPath": "applications[1].userControlSettings", "nonComplianceReason": "API_LEVEL"}
    ] == found


def test_an_empty_policy_is_complied_with_and_an_unknown_one_is_not_judged() -> None:
    for profile in PROFILES.values():
        assert [] == details(profile.phone("S1"))
        assert not device_report(Situation(phone=profile.phone("S1"))).policy_compliant  # type: ignore[attr-defined]


def test_every_policy_field_is_in_one_of_the_lists() -> None:
    official = set(SCHEMAS["Policy"]["properties"]) - {"name", "version"}

    lists = (*judged_settings(), *unjudged_settings(), *OBEYED)
    assert official == set(lists)
    assert len(lists) == len(set(lists))


BREACHES: dict[str, list[tuple[VirtualDevice, dict[str, Any], list[str]]]] = {
    "minimumApiLevel": [
        (phone_of(FULLY, 29), {"minimumApiLevel": 30}, ["OS_NOT_PERMITTED"]),
        (phone_of(FULLY, 30), {"minimumApiLevel": 30}, []),
    ],
    "encryptionPolicy": [
        *(
            (instead(phone_of(FULLY), deviceSettings={"encryptionStatus": status}), {"encryptionPolicy": "ENABLED_WITHOUT_PASSWORD"}, found)
            for status, found in (("INACTIVE", ["USER_ACTION"]), ("ACTIVATING", ["PENDING"]), ("UNSUPPORTED", ["UNSUPPORTED"]))
        ),
        (phone_of(FULLY), {"encryptionPolicy": "ENABLED_WITH_PASSWORD"}, ["USER_ACTION"]),
        (phone_of(FULLY, credential=Credential("1234")), {"encryptionPolicy": "ENABLED_WITH_PASSWORD"}, []),
    ],
    "ensureVerifyAppsEnabled": [
        (instead(phone_of(FULLY), deviceSettings={}), {"ensureVerifyAppsEnabled": True}, ["USER_ACTION"]),
        (phone_of(FULLY), {"ensureVerifyAppsEnabled": True}, []),
    ],
    "advancedSecurityOverrides": [
        (
            instead(phone_of(FULLY), deviceSettings={}),
            {"advancedSecurityOverrides": {"googlePlayProtectVerifyApps": "VERIFY_APPS_ENFORCED"}},
            ["USER_ACTION"],
        ),
        (phone_of(FULLY), {"advancedSecurityOverrides": {"googlePlayProtectVerifyApps": "VERIFY_APPS_ENFORCED"}}, []),
    ],
    "passwordPolicies": [
        (phone_of(FULLY), {"passwordPolicies": [{"passwordQuality": "SOMETHING"}]}, ["USER_ACTION"]),
        (phone_of(FULLY, credential=Credential("1234")), {"passwordPolicies": [{"passwordQuality": "COMPLEXITY_HIGH"}]}, ["USER_ACTION"]),
        (
            phone_of(FULLY, credential=Credential("abC-1")),
            {"passwordPolicies": [{"passwordQuality": "COMPLEX", "passwordMinimumUpperCase": 2}]},
            ["USER_ACTION"],
        ),
        (
            phone_of(FULLY, credential=Credential("aBC-1")),
            {"passwordPolicies": [{"passwordQuality": "COMPLEX", "passwordMinimumUpperCase": 2}]},
            [],
        ),
        (
            phone_of(ManagementKind.COMPANY_OWNED_WORK_PROFILE, credential=Credential("1234")),
            {"passwordPolicies": [{"passwordScope": "SCOPE_PROFILE", "unifiedLockSettings": "REQUIRE_SEPARATE_WORK_LOCK"}]},
            ["USER_ACTION"],
        ),
        (
            phone_of(
                ManagementKind.COMPANY_OWNED_WORK_PROFILE,
                work_profile=WorkProfile(separate_lock=True, credential=Credential("123456")),
            ),
            {
                "passwordPolicies": [
                    {"passwordScope": "SCOPE_PROFILE", "passwordQuality": "NUMERIC", "passwordMinimumLength": 6},
                    {"passwordScope": "SCOPE_DEVICE", "passwordQuality": "SOMETHING"},
                ]
            },
            ["USER_ACTION"],
        ),
    ],
    "passwordRequirements": [(phone_of(FULLY), {"passwordRequirements": {"passwordQuality": "SOMETHING"}}, ["USER_ACTION"])],
    "personalUsagePolicies": [
        (phone_of(COPE, apps=PERSONAL), {"personalUsagePolicies": BLOCKS_GAME}, []),
        (phone_of(COPE, apps=PERSONAL, app_failures={GAME: "NOT_FOUND"}), {"personalUsagePolicies": BLOCKS_GAME}, ["APP_INSTALLED"]),
        (phone_of(FULLY, apps=PERSONAL, app_failures={GAME: "NOT_FOUND"}), {"personalUsagePolicies": BLOCKS_GAME}, []),
    ],
    "locationMode": [
        *(
            (phone_of(COPE, level, location_on=on), {"locationMode": mode}, ["USER_ACTION"] if level >= 30 and wrong else [])
            for level in (29, 30)
            for mode, on, wrong in (
                ("LOCATION_ENFORCED", False, True),
                ("LOCATION_ENFORCED", True, False),
                ("SENSORS_ONLY", False, True),
                ("LOCATION_DISABLED", True, True),
                ("OFF", False, False),
                ("LOCATION_USER_CHOICE", False, False),
            )
        ),
        (phone_of(FULLY, 35, location_on=False), {"locationMode": "LOCATION_ENFORCED"}, []),
        (phone_of(ManagementKind.PERSONALLY_OWNED_WORK_PROFILE, 35, location_on=False), {"locationMode": "LOCATION_ENFORCED"}, []),
    ],
    "applications": [
        (phone_of(FULLY), {"applications": [{"packageName": CHAT, "installType": "FORCE_INSTALLED"}]}, []),
        (
            phone_of(FULLY, app_failures={CHAT: "NOT_FOUND"}),
            {"applications": [{"packageName": CHAT, "installType": "FORCE_INSTALLED"}]},
            ["APP_NOT_INSTALLED"],
        ),
        (phone_of(FULLY, app_failures={CHAT: "NOT_FOUND"}), {"applications": [{"packageName": CHAT, "installType": "AVAILABLE"}]}, []),
        (
            msgspec.structs.replace(PROFILES["pixel8-a15-fully-managed"].phone("S1"), app_failures={"com.slack": "NOT_FOUND"}),
            {"applications": [{"packageName": "com.slack", "installType": "BLOCKED"}]},
            ["APP_INSTALLED"],
        ),
        (
            msgspec.structs.replace(PROFILES["pixel8-a15-fully-managed"].phone("S1"), app_failures={"com.slack": "NOT_FOUND"}),
            {"applications": [{"packageName": "com.slack", "minimumVersionCode": 100_000}]},
            ["APP_NOT_UPDATED"],
        ),
    ],
}
"""For each judged setting: phones, a policy, and what they find."""


def test_every_judged_setting_is_breached_here() -> None:
    assert {row.setting for row in JUDGED} == {name for name, cases in BREACHES.items() if any(found for _, _, found in cases)}


@pytest.mark.parametrize(
    "phone, policy, expected", [case for cases in BREACHES.values() for case in cases], ids=lambda value: str(value)[:40]
)
def test_a_phone_finds_what_is_against_its_policy(phone: VirtualDevice, policy: dict[str, Any], expected: list[str]) -> None:
    assert expected == reasons(phone, **policy)


def test_a_password_that_is_too_weak_names_its_scope_and_the_demand() -> None:
    found = details(phone_of(FULLY), passwordPolicies=[{}, {"passwordQuality": "SOMETHING"}])

    assert [
        {
            "settingName": "passwordPolicies",
            "fieldPath": "passwordPolicies[1].passwordQuality",
            "nonComplianceReason": "USER_ACTION",
            "specificNonComplianceReason": "PASSWORD_POLICIES_PASSWORD_NOT_SUFFICIENT",
            "specificNonComplianceContext": {"passwordPoliciesContext": {"passwordPolicyScope": "SCOPE_DEVICE"}},
        }
    ] == found


def test_a_password_expires_after_its_time_and_counts_again_when_it_is_another() -> None:
    wanted = policy_of(passwordPolicies=[{"passwordExpirationTimeout": "86400s"}])
    phone = phone_of(FULLY, credential=Credential("1234"))
    day_us = 86_400_000_000

    def found(phone: VirtualDevice, now_us: int) -> list[str]:
        situation = Situation(phone=phone, policy=wanted, now_us=now_us)
        return [detail["specificNonComplianceReason"] for detail in value_of(situation, "nonComplianceDetails")]

    counted = with_password_clocks(phone, phone, wanted, now_us=NOW_US)
    later = with_password_clocks(counted, counted, wanted, now_us=NOW_US + day_us)
    changed = with_password_clocks(later, msgspec.structs.replace(later, credential=Credential("5678")), wanted, now_us=NOW_US + day_us)

    assert counted == later
    assert [[], ["PASSWORD_POLICIES_PASSWORD_EXPIRED"], []] == [
        found(counted, NOW_US + day_us - 1), found(later, NOW_US + day_us), found(changed, NOW_US + day_us),
    ]  # fmt: skip
    assert NOW_US + 2 * day_us == next_expiry_us(changed, now_us=NOW_US + day_us)


def test_every_reason_is_one_of_amapi_s() -> None:
    reasons_of_amapi = {reason.name for reason in MESSAGES["NonComplianceDetail"].__annotations__["non_compliance_reason"]}

    assert {reason for cases in BREACHES.values() for _, _, found in cases for reason in found} <= reasons_of_amapi
