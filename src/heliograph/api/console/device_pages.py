"""One device: what is known of it, what waits for it and why, and what became of its commands."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from heliograph.api.console.audit_pages import trail_url
from heliograph.api.console.command_bars import PHASES, bars_of
from heliograph.api.console.guest import DEVICES_GET, EXPLAIN, ISSUE, OPERATIONS_LIST, ConsolePage, Guest, Json
from heliograph.api.console.links import crumbs_of, turning
from heliograph.api.console.shown import ago, android_of, json_shown, management_of, moment_of, us_of, with_moments
from heliograph.domain.device_columns import COLUMNS
from heliograph.domain.longrunning import read_outcome, render_operation
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation
from heliograph.service.explanations import explanation_of
from heliograph.service.operations import newest_operations
from heliograph.service.ports import Whereabouts

EXPLAINED_MOST: Final = 10
"""Commands of the queue whose reason is shown: of a longer queue, the others wait for these."""
NEWEST: Final = 25
OPERATIONS_A_PAGE: Final = 100
CONNECTIONS: Final[Mapping[Whereabouts, str]] = {
    Whereabouts.HERE: "connected",
    Whereabouts.AT_ANOTHER_SERVER: "connected to another server",
    Whereabouts.NOWHERE: "not connected",
    Whereabouts.NOT_HERE: "not connected to this server; the others cannot be asked now",
}


async def show_device(guest: Guest, enterprise: str, device_id: str) -> ConsolePage:
    """The device, its queue and its newest commands."""
    name = DeviceName(enterprise, device_id)
    device = await guest.ask(DEVICES_GET, *name)
    sighting = await guest.ports.presence.sighting(name)
    seen_us = max(sighting.last_seen_us, us_of(device.get("lastStatusReportTime", "")))
    now_us = guest.ports.clock.now_us()
    values = {
        "name": str(name), "facts": _facts(device), "connected": sighting.where in {Whereabouts.HERE, Whereabouts.AT_ANOTHER_SERVER},
        "connection": CONNECTIONS[sighting.where], "seen": ago(seen_us, now_us), "state": device.get("state", ""),
        "json": json_shown(device), "may_issue": await guest.may(ISSUE, *name), "issue_url": guest.url_of(name, "commands"),
        "all_url": guest.url_of(name, "operations"), "crumbs": crumbs_of(guest, enterprise),
        "trail_url": await trail_url(guest, enterprise, resource=str(name)),
        "may_list": False, "axis": None, "queue": (), "hidden": 0, "newest": (),
    }  # fmt: skip
    if await guest.may(OPERATIONS_LIST, *name):
        values |= await _commands(guest, name)
    return ConsolePage("console/device.html", device_id, values, live=str(name))


async def show_operations(guest: Guest, enterprise: str, device_id: str) -> ConsolePage:
    """All commands of the device, oldest first; they outlive it."""
    name = DeviceName(enterprise, device_id)
    wanted = guest.parameter("filter")
    answer = await guest.ask(OPERATIONS_LIST, *name, filter=wanted, page_size=OPERATIONS_A_PAGE, page_token=guest.parameter("page"))
    values = {
        "rows": [_row(guest, name, operation) for operation in answer.get("operations", [])],
        "filter": wanted, "action": guest.url_of(name, "operations"),
        **turning(guest, answer.get("nextPageToken", ""), *str(name).split("/"), "operations", filter=wanted),
        "crumbs": [*crumbs_of(guest, enterprise), (device_id, guest.url_of(name))],
    }  # fmt: skip
    return ConsolePage("console/operations.html", f"All commands of {device_id}", values)


async def _commands(guest: Guest, name: DeviceName) -> Mapping[str, Any]:
    """The open queue in its order, each with the reason why it waits, and the newest commands that have ended."""
    await guest.admit(OPERATIONS_LIST, *name)
    waiting = await guest.ports.store.open_operations(name)
    reasons: Sequence[str] = [""] * len(waiting)
    if await guest.may(EXPLAIN, *name, "-"):
        explained = await asyncio.gather(*(explanation_of(guest.ports, operation) for operation in waiting[:EXPLAINED_MOST]))
        reasons = [with_moments(explanation.text) for explanation in explained]
    newest = await newest_operations(guest.ports, name, most=NEWEST)
    shown = [*(operation for operation in newest if not operation.open), *waiting[: NEWEST - 1]]
    notes = [(one, guest.ports.offers.note(name, one.create_ms) if one.open else None) for one in shown[:NEWEST]]
    return {
        "may_list": True, "axis": bars_of(notes, now_us=guest.ports.clock.now_us()) if shown else None, "phases": PHASES,
        "url_of": lambda operation: guest.url_of(name, "operations", str(operation.create_ms)),
        "queue": [
            {**_row(guest, name, _shown(operation)), "reason": reason} for operation, reason in zip(waiting, reasons, strict=False)
        ],
        "hidden": len(waiting) - len(reasons),
        "newest": [_row(guest, name, _shown(operation)) for operation in newest if not operation.open],
    }  # fmt: skip


def _shown(operation: Operation) -> Json:
    found: Json = msgspec.json.decode(render_operation(operation))
    return found


def _row(guest: Guest, name: DeviceName, operation: Json) -> Mapping[str, Any]:
    outcome, metadata = read_outcome(operation), operation["metadata"]
    return {
        "type": metadata.get("type", ""), "url": guest.url_of(name, "operations", operation["name"].rpartition("/")[2]),
        "issued": moment_of(metadata.get("createTime", "")), "outcome": outcome.outcome, "detail": with_moments(outcome.detail),
    }  # fmt: skip


def _facts(device: Json) -> Sequence[tuple[str, str]]:
    """What is known of the device, in a few words each; what is not known is left out."""
    hardware, software, network = device.get("hardwareInfo", {}), device.get("softwareInfo", {}), device.get("networkInfo", {})
    facts = [
        ("Model", " ".join(filter(None, (hardware.get("manufacturer", "").capitalize(), hardware.get("model", ""))))),
        ("Serial number", hardware.get("serialNumber", "")),
        ("IMEI", network.get("imei", "")),
        ("Android", android_of(device)),
        ("Security patch", software.get("securityPatchLevel", "")),
        ("Management", management_of(device)),
        ("User", COLUMNS["user"](device)),
        ("Policy", _policy(device)),
        ("Disabled because", device.get("disabledReason", {}).get("defaultMessage", "")),
        ("Enrolled", moment_of(device.get("enrollmentTime", ""))),
        ("Last report", moment_of(device.get("lastStatusReportTime", ""))),
        ("Former names", ", ".join(device.get("previousDeviceNames", ()))),
    ]
    return [(name, value) for name, value in facts if value]


def _policy(device: Json) -> str:
    """The policy that it is to have, and whether it has it."""
    wanted, applied = device.get("policyName", ""), device.get("appliedPolicyName", "")
    if not wanted or wanted == applied:
        return COLUMNS["policy"](device)
    return f"{COLUMNS['policy'](device)}, not applied yet"
