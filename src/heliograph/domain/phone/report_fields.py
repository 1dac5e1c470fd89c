"""What a virtual phone reports of itself: a row for each field of Device that a phone fills, and the switch that its policy needs for it.

To add a field: one row in REPORTED, and its name in DeviceReport (or STATUS_DETAILS) of domain/device.py.

Source: disc, Device, StatusReportingSettings.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from heliograph.domain.device import DeviceReport, ManagementKind
from heliograph.domain.phone import events, readings, reports
from heliograph.domain.phone.applications import application_reports
from heliograph.domain.phone.compliance import Subject, non_compliance_details
from heliograph.domain.phone.virtual_device import VirtualDevice
from heliograph.domain.policy_messages import Policy
from heliograph.protojson.types import decode_hook, proto_name


class Situation(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A phone, and the policy that it applies."""

    phone: VirtualDevice
    policy_name: str = ""
    policy_version: int = 0
    policy: Any = None
    """The Policy message; None: the phone applies none, or does not know what is in it."""
    now_us: int = 0

    @functools.cached_property
    def values(self) -> dict[str, Any]:
        """What was looked at already, by field."""
        return {}

    @property
    def known_policy(self) -> Any:  # noqa: ANN401 - the made message
        """The Policy message, empty if the phone knows none."""
        return Policy() if self.policy is None else self.policy

    def asked(self, switch: str) -> bool:
        """Whether the policy's statusReportingSettings have this switch on; always for no switch."""
        return not switch or asks(self.policy, switch)


class ReportedField(msgspec.Struct, frozen=True, kw_only=True):
    """One field of Device."""

    name: str
    says: str
    """What a virtual phone reports in it."""
    read: Callable[[Situation], Any]
    """The value: AMAPI's JSON, or its message."""
    switch: str = ""
    """The field of StatusReportingSettings without which it is not reported; empty: it always is."""
    company_owned: bool = False
    """Whether only company-owned phones report it."""
    api_level: int = 0
    """Below it, a phone does not report it."""

    def applies(self, situation: Situation) -> bool:
        """Whether the phone reports the field."""
        phone = situation.phone
        if phone.api_level < self.api_level or (self.company_owned and reports.is_personal(phone)):
            return False
        return situation.asked(self.switch)


def asks(policy: Any, switch: str) -> bool:  # noqa: ANN401 - the made message
    """Whether the policy has this switch of its statusReportingSettings (in JSON's spelling) on."""
    settings = policy.status_reporting_settings if policy is not None else None
    return settings is not None and getattr(settings, proto_name(switch)) is True


def is_reported(policy: Any, field: str) -> bool:  # noqa: ANN401 - the made message
    """Whether a phone with this policy is asked for the field of Device."""
    return asks(policy, _BY_NAME[field].switch)


def value_of(situation: Situation, name: str) -> Any:  # noqa: ANN401 - any field's JSON
    """What the phone finds for the field, or reports instead, whether or not its policy asks."""
    if name in situation.phone.reported_instead:
        return situation.phone.reported_instead[name]
    if name not in situation.values:
        situation.values[name] = _BY_NAME[name].read(situation)
    return situation.values[name]


def _mode(situation: Situation) -> str:
    return "DEVICE_OWNER" if situation.phone.management_kind is ManagementKind.FULLY_MANAGED else "PROFILE_OWNER"


def _hardware_info(situation: Situation) -> Any:  # noqa: ANN401 - a message
    found = reports.hardware_info(situation.phone)
    if not situation.asked("hardwareStatusEnabled") or reports.is_personal(situation.phone):
        return found
    thresholds = {
        f"{part}_{what}_temperatures": (degrees,)
        for part, both in readings.THRESHOLDS.items()
        for what, degrees in zip(("throttling", "shutdown"), both, strict=True)
    }
    return msgspec.structs.replace(found, **thresholds)


def _applied_password_policies(situation: Situation) -> tuple[Any, ...]:
    policy = situation.known_policy
    found: tuple[Any, ...] = policy.password_policies or ((policy.password_requirements,) if policy.password_requirements else ())
    return found


def _non_compliance_details(situation: Situation) -> list[Any]:
    if situation.policy is None:
        return []
    return non_compliance_details(
        Subject(
            phone=situation.phone,
            policy=situation.policy,
            api_level=value_of(situation, "apiLevel"),
            device_settings=value_of(situation, "deviceSettings") or {},  # null, if a test has it so
            now_us=situation.now_us,
        )
    )


def _application_reports(situation: Situation) -> list[Any]:
    settings = situation.known_policy.status_reporting_settings
    details = settings.application_reporting_settings if settings is not None else None
    removed_too = details is not None and details.include_removed_apps
    return application_reports(situation.phone, removed_too=removed_too, now_us=situation.now_us)


REPORTED = (
    ReportedField(name="managementMode", says="as the profile is managed", read=_mode),
    ReportedField(
        name="ownership", says="as the profile is managed",
        read=lambda here: "PERSONALLY_OWNED" if reports.is_personal(here.phone) else "COMPANY_OWNED",
    ),
    ReportedField(name="apiLevel", says="the profile's", read=lambda here: here.phone.api_level),
    ReportedField(
        name="appliedState", says="LOST in lost mode, DISABLED as its policy has it",
        read=lambda here: reports.applied_state(here.phone).value,
    ),
    ReportedField(name="appliedPolicyName", says="the policy that it applies", read=lambda here: here.policy_name),
    ReportedField(name="appliedPolicyVersion", says="its version", read=lambda here: str(here.policy_version)),
    ReportedField(
        name="policyCompliant", says="whether `nonComplianceDetails` is empty; false before it applies a policy",
        read=lambda here: here.policy is not None and not value_of(here, "nonComplianceDetails"),
    ),
    ReportedField(name="nonComplianceDetails", says="what it finds against its policy (below)", read=_non_compliance_details),
    ReportedField(
        name="hardwareInfo", says="make, model, serial number, EID; temperature thresholds with `hardwareStatusEnabled` only",
        read=_hardware_info,
    ),
    ReportedField(
        name="softwareInfo", says="Android, build, kernel and patch level; no update waits", switch="softwareInfoEnabled",
        read=lambda here: readings.software_info(here.phone),
    ),
    ReportedField(name="memoryInfo", says="RAM and internal storage", read=lambda here: readings.memory_info(here.phone)),
    ReportedField(
        name="networkInfo", says="IMEI, Wi-Fi address, operator, the SIM card and eSIMs, each as far as its management lets it",
        switch="networkInfoEnabled", read=lambda here: reports.network_info(here.phone),
    ),
    ReportedField(
        name="applicationReports", says="the apps on the side that is managed; each key of a managed configuration as a keyed app state",
        switch="applicationReportsEnabled", read=_application_reports,
    ),
    ReportedField(
        name="deviceSettings", says="encrypted, Play Protect on, developer options off, secure if it has a credential",
        switch="deviceSettingsEnabled", read=lambda here: readings.device_settings(here.phone),
    ),
    ReportedField(
        name="displays", says="one, on or off with the screen", switch="displayInfoEnabled", company_owned=True,
        read=lambda here: readings.displays(here.phone),
    ),
    ReportedField(
        name="memoryEvents", says="free RAM and storage when its policy begins to ask, and when they change", switch="memoryInfoEnabled",
        read=lambda here: events.reported_events(here.phone, "memoryEvents"),
    ),
    ReportedField(
        name="powerManagementEvents", says="battery level, shutdowns and starts from when its policy begins to ask",
        switch="powerManagementEventsEnabled", company_owned=True,
        read=lambda here: events.reported_events(here.phone, "powerManagementEvents"),
    ),
    ReportedField(
        name="hardwareStatusSamples", says="a sample when its policy begins to ask, and after every start",
        switch="hardwareStatusEnabled", company_owned=True,
        read=lambda here: events.reported_events(here.phone, "hardwareStatusSamples"),
    ),
    ReportedField(
        name="systemProperties", says="build, Android version, make and model", switch="systemPropertiesEnabled",
        read=lambda here: readings.system_properties(here.phone),
    ),
    ReportedField(
        name="commonCriteriaModeInfo", says="as `advancedSecurityOverrides` has it", switch="commonCriteriaModeEnabled", company_owned=True,
        read=lambda here: readings.common_criteria_mode_info(here.known_policy),
    ),
    ReportedField(
        name="defaultApplicationInfo", says="Google's apps, or those of `defaultApplicationSettings` that are installed",
        switch="defaultApplicationInfoReportingEnabled", api_level=36,
        read=lambda here: readings.default_application_info(here.phone, here.known_policy),
    ),
    ReportedField(name="appliedPasswordPolicies", says="the policy's, unchanged", read=_applied_password_policies),
    ReportedField(name="securityPosture", says="SECURE", read=lambda _here: {"devicePosture": "SECURE"}),
)  # fmt: skip
"""Every field of DeviceReport."""
_BY_NAME = {row.name: row for row in REPORTED}

FILLED_BY_SERVER: Mapping[str, str] = {
    "name": "the resource's name",
    "userName": "the user that it enrolled for; none on a dedicated device",
    "user": "the same user, by its id (an enrolment token's `user` is [ignored, as by AMAPI](conformance.md#user-of-a-token))",
    "state": "what an admin set, or LOST, or PROVISIONING before the first status report",
    "disabledReason": "what an admin set",
    "policyName": "the policy that it shall apply",
    "enrollmentTime": "when it enrolled",
    "enrollmentTokenName": "the token that it enrolled with",
    "enrollmentTokenData": "the token's `additionalData`",
    "previousDeviceNames": "earlier enrolments with its serial number",
    "lastStatusReportTime": "when it reported last",
    "lastPolicySyncTime": "when it reported last: the answer is its policy",
    "lastPolicyComplianceReportTime": "when it reported last, once it applies a policy",
    "dpcMigrationInfo": "never: no device comes from another device policy controller",
}
"""The other fields of Device."""


def device_report(situation: Situation) -> DeviceReport:
    """The phone's part of its Device: what its policy asks for."""
    found = {row.name: value_of(situation, row.name) for row in REPORTED if row.applies(situation)}
    return msgspec.convert(found, DeviceReport, dec_hook=decode_hook)
