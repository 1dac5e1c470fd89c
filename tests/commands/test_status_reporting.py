"""Every field of Device has its place in the table of reports, and every switch of statusReportingSettings gates what AMAPI says."""

import json
import re
from typing import Any

import msgspec
import pytest

from heliograph.agent.profiles import PROFILES
from heliograph.domain.device import Device, DeviceReport, ManagementKind
from heliograph.domain.device_json import parts_of
from heliograph.domain.phone.events import EVENT_TYPES, with_events
from heliograph.domain.phone.report_fields import FILLED_BY_SERVER, REPORTED, Situation, asks, device_report, is_reported
from heliograph.domain.phone.virtual_device import VirtualDevice, rebooted
from heliograph.protojson.messages import encode_message
from tests.commands.phones import NOW_US, phone_of
from tests.commands.policies import SWITCHES, asking
from tests.discovery import document

COMPANY = PROFILES["pixel9-a16qpr2-cope"].phone("S1")
PERSONAL = PROFILES["galaxy-s25-a15-byod"].phone("S1")
DESCRIPTIONS: dict[str, str] = {name: of["description"] for name, of in document()["schemas"]["Device"]["properties"].items()}
SETTINGS: dict[str, Any] = document()["schemas"]["StatusReportingSettings"]["properties"]


def report(phone: VirtualDevice, policy: Any) -> dict[str, Any]:  # noqa: ANN401 - the made message
    """What the phone reports, as JSON, once it has applied the policy."""
    applied = with_events(phone, phone, lambda field: is_reported(policy, field), now_us=NOW_US)
    situation = Situation(phone=applied, policy_name="enterprises/e/policies/p", policy_version=1, policy=policy, now_us=NOW_US)
    found: dict[str, Any] = json.loads(encode_message(device_report(situation)))
    return found


def test_every_field_of_device_is_reported_or_filled_by_the_server() -> None:
    reported = [row.name for row in REPORTED]

    assert set(DESCRIPTIONS) == {*reported, *FILLED_BY_SERVER} == {field.encode_name for field in msgspec.structs.fields(Device)}
    assert len(DESCRIPTIONS) == len(reported) + len(FILLED_BY_SERVER)
    assert set(reported) == {field.encode_name for field in msgspec.structs.fields(DeviceReport)}


@pytest.mark.parametrize("row", REPORTED, ids=lambda row: row.name)
def test_a_field_has_the_switch_that_its_description_names(row: Any) -> None:  # noqa: ANN401
    named = re.search(r"only available (?:when|if) (?:statusReportingSettings\.)?([a-zA-Z_]+) is true", DESCRIPTIONS[row.name])
    switch = re.sub("_(.)", lambda letter: letter[1].upper(), named[1]) if named else ""
    if row.name == "defaultApplicationInfo":
        assert "defaultApplicationInfoReportingEnabled" == switch

    assert switch == row.switch
    assert not switch or switch in SWITCHES


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_gates_its_field_and_no_other(switch: str) -> None:
    fields = [row.name for row in REPORTED if row.switch == switch]

    without, with_it = report(COMPANY, asking(*set(SWITCHES) - {switch})), report(COMPANY, asking(*SWITCHES))

    assert fields
    assert set(fields) == set(with_it) - set(without)
    assert without == {name: value for name, value in with_it.items() if name not in fields} | (
        {"hardwareInfo": without["hardwareInfo"]} if switch == "hardwareStatusEnabled" else {}
    )


@pytest.mark.parametrize("switch", SWITCHES)
def test_data_of_a_switch_is_not_available_where_its_description_says_so(switch: str) -> None:
    text = SETTINGS[switch]["description"]
    company_only = "not available for personally owned" in text or "only on company-owned" in text

    for row in [row for row in REPORTED if row.switch == switch]:
        assert company_only == row.company_owned, row.name
        assert (company_only or row.api_level > PERSONAL.api_level) == (row.name not in report(PERSONAL, asking(switch))), row.name


def test_default_apps_are_reported_from_android_16_on() -> None:
    old = phone_of(ManagementKind.FULLY_MANAGED, 35)

    assert "defaultApplicationInfo" not in report(old, asking(*SWITCHES))
    assert 8 == len(report(phone_of(ManagementKind.FULLY_MANAGED, 36), asking(*SWITCHES))["defaultApplicationInfo"])


def test_temperature_thresholds_need_hardware_status_and_a_company_s_phone() -> None:
    thresholds = {name for name in document()["schemas"]["HardwareInfo"]["properties"] if name.endswith("Temperatures")}

    assert thresholds <= set(report(COMPANY, asking("hardwareStatusEnabled"))["hardwareInfo"])
    for phone, policy in ((COMPANY, asking()), (PERSONAL, asking("hardwareStatusEnabled"))):
        assert not thresholds & set(report(phone, policy)["hardwareInfo"])


def test_a_phone_whose_policy_asks_for_nothing_reports_no_gated_field() -> None:
    for policy in (None, asking()):
        assert not {row.name for row in REPORTED if row.switch} & set(report(COMPANY, policy))


def test_what_is_long_is_stored_apart_and_what_commands_need_is_not() -> None:
    whole = device_report(Situation(phone=COMPANY, policy=asking(*SWITCHES), now_us=NOW_US))

    rest, details = parts_of(whole)

    assert details is not None
    assert json.loads(encode_message(whole)) == {**json.loads(encode_message(rest)), **json.loads(encode_message(details))}
    assert {"managementMode", "ownership", "apiLevel", "hardwareInfo", "policyCompliant"} <= set(json.loads(encode_message(rest)))
    assert (rest, None) == parts_of(rest)


def test_every_event_type_of_amapi_is_measured_or_cannot_happen_to_a_virtual_phone() -> None:
    schemas = document()["schemas"]
    official = {
        name
        for message in ("MemoryEvent", "PowerManagementEvent")
        for name in schemas[message]["properties"]["eventType"]["enum"]
        if not name.endswith("UNSPECIFIED")
    }

    assert {"POWER_CONNECTED", "POWER_DISCONNECTED"} == official - {kind.name for kind in EVENT_TYPES}


def test_a_restart_is_an_event_and_events_are_kept_only_while_their_switch_is_on() -> None:
    policy, phone = asking("powerManagementEventsEnabled"), COMPANY
    phone = with_events(phone, phone, lambda field: is_reported(policy, field), now_us=NOW_US)
    again = with_events(phone, rebooted(phone), lambda field: is_reported(policy, field), now_us=NOW_US + 60_000_000)

    assert ["BATTERY_LEVEL_COLLECTED", "SHUTDOWN", "BOOT_COMPLETED"] == [event.type for event in again.events]
    assert again is with_events(again, again, lambda field: is_reported(policy, field), now_us=NOW_US + 120_000_000)
    assert () == with_events(again, again, lambda field: is_reported(asking(), field), now_us=NOW_US).events


def test_old_events_go_and_those_of_other_fields_stay() -> None:
    policy, phone = asking("powerManagementEventsEnabled", "memoryInfoEnabled"), COMPANY
    for boot in range(50):
        phone = with_events(phone, rebooted(phone), lambda field: is_reported(policy, field), now_us=NOW_US + boot)

    # The newest battery level is measured again once it is no longer known.
    power = [event for event in phone.events if event.type in {"SHUTDOWN", "BOOT_COMPLETED"}]
    assert (32, NOW_US + 49) == (len(power) + 1, power[-1].at_us)
    assert {"RAM_MEASURED", "INTERNAL_STORAGE_MEASURED"} < {event.type for event in phone.events}


def test_what_a_phone_shall_report_instead_is_reported_where_its_policy_asks() -> None:
    instead = {
        "securityPosture": {"devicePosture": "AT_RISK"},
        "softwareInfo": {"systemUpdateInfo": {"updateStatus": "OS_UPDATE_AVAILABLE"}},
    }
    phone = msgspec.structs.replace(COMPANY, reported_instead=instead)

    assert instead.items() <= report(phone, asking("softwareInfoEnabled")).items()
    assert "softwareInfo" not in report(phone, asking())


def test_an_unset_switch_is_off() -> None:
    assert not any(asks(policy, switch) for policy in (None, asking()) for switch in SWITCHES)
