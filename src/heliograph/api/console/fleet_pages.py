"""The devices of an enterprise: searched, filtered, page by page, with everything that was asked in the address."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from heliograph.api.console.fleet_charts import summary_values
from heliograph.api.console.guest import (
    DEVICES_GET,
    DEVICES_LIST,
    ENTERPRISES_GET,
    OPERATIONS_LIST,
    TOKENS_CREATE,
    ConsolePage,
    Guest,
    Json,
)
from heliograph.api.console.links import turning
from heliograph.api.console.shown import ago, management_of, moment_of, us_of
from heliograph.domain.device_columns import COLUMNS, Columns, containing, plain, read_filter
from heliograph.domain.names import DeviceName, EnterpriseName
from heliograph.protojson.errors import InvalidArgument
from heliograph.service.devices import devices_called
from heliograph.service.fleet_summary import SUMMARY
from heliograph.service.ports import Whereabouts

ROWS: Final = 50
"""Devices a page; a search stops after the page of the API that fills it."""
SCANNED_MOST: Final = 500
"""Devices that one page of a search looks at: then it offers to search on, so no search holds up the server."""
AT_ONCE: Final = 100  # disc, devices.list: at most 100
CONNECTED: Final[Columns] = {**COLUMNS, "connected": plain("connected")}
"""The command line's columns, and what only this server knows."""
QUICK_FILTERS: Final[Mapping[str, str]] = {
    "All": "",
    "Connected": "connected=yes",
    "Not connected": "connected=no",
    "Lost": "state=LOST",
    "Disabled": "state=DISABLED",
    "Fully managed": "mode=DEVICE_OWNER",
    "Work profile": "mode=PROFILE_OWNER",
}


class _Found(NamedTuple):
    devices: Sequence[Json]
    next_page: str
    """The API's token with which a search goes on; empty: there is no more."""
    scanned: int


async def show_fleet(guest: Guest, enterprise: str) -> ConsolePage:
    """The devices of the enterprise that the address asks for."""
    text, wanted, token = guest.parameter("q"), guest.parameter("filter"), guest.parameter("page")
    error, found = "", _Found((), "", 0)
    try:
        holds = read_filter(wanted, _columns(guest))
    except InvalidArgument as wrong:
        await guest.admit(DEVICES_LIST, enterprise)
        error = wrong.message
    else:
        found = await _find(guest, enterprise, text, holds if wanted else None, token)
    display = await _display_name(guest, enterprise)
    rows = await asyncio.gather(*(_row(guest, device) for device in found.devices))

    def here(**query: str) -> str:
        return guest.url("enterprises", enterprise, **query)

    values = {
        **await _numbers(guest, enterprise, shown=not (text or wanted or token)),
        "enterprise": enterprise, "display": display, "text": text, "filter": wanted, "error": error, "rows": rows,
        "scanned": found.scanned, "enrol_url": f"{here()}/enrollmentTokens:create" if guest.may_open(TOKENS_CREATE, enterprise) else "",
        "searching": bool(text or wanted), "action": here(), "columns": ", ".join(_columns(guest)),
        **turning(guest, found.next_page, "enterprises", enterprise, q=text, filter=wanted),
        "quick": [
            {"name": name, "url": here(q=text, filter=condition), "chosen": condition == wanted}
            for name, condition in QUICK_FILTERS.items()
            if not (guest.ports.shared and condition.startswith("connected"))
        ],
    }  # fmt: skip
    live = f"enterprises/{enterprise}/devices enterprises/{enterprise}/{SUMMARY}"
    return ConsolePage("console/fleet.html", display or enterprise, values, status=400 if error else 200, live=live)


async def _numbers(guest: Guest, enterprise: str, *, shown: bool) -> Mapping[str, Any]:
    """The enterprise in numbers, on the first page of all devices, for those who may see every device and its commands."""
    name = EnterpriseName(enterprise)
    if not shown or guest.sees_some(DEVICES_LIST) or not guest.may_open(OPERATIONS_LIST, *name, "-") or await _is_unknown(guest, name):
        return {"counting": False, "counts": (), "charts": (), "as_of": ""}
    return summary_values(guest, enterprise, await guest.console.summaries.newest(name))


async def _is_unknown(guest: Guest, name: EnterpriseName) -> bool:
    return await guest.ports.store.enterprise(name) is None


def _columns(guest: Guest) -> Columns:
    """What filters may ask for. Which server a device is connected to is asked of all servers, so not for each device of a search."""
    return COLUMNS if guest.ports.shared else CONNECTED


async def _display_name(guest: Guest, enterprise: str) -> str:
    """What the enterprise calls itself, if the caller may know."""
    if not await guest.may(ENTERPRISES_GET, enterprise):
        return ""
    return str((await guest.ask(ENTERPRISES_GET, enterprise)).get("enterpriseDisplayName", ""))


async def _find(guest: Guest, enterprise: str, text: str, holds: Callable[[Json], bool] | None, token: str) -> _Found:
    """A page of devices. Of a search, first those whose id or serial number is the text, then those that have it in any value."""
    if not text and holds is None:
        answer = await guest.ask(DEVICES_LIST, enterprise, page_size=ROWS, page_token=token)
        devices = answer.get("devices", [])
        return _Found(devices, answer.get("nextPageToken", ""), len(devices))
    exact = await _exact(guest, enterprise, text) if text else {}
    found = [device for device in exact.values() if holds is None or holds(_with_connection(guest, device))] if not token else []
    scanned = 0
    while True:
        answer = await guest.ask(DEVICES_LIST, enterprise, page_size=AT_ONCE, page_token=token)
        devices = [device for device in answer.get("devices", []) if device["name"] not in exact]
        fitting = devices if holds is None else [device for device in devices if holds(_with_connection(guest, device))]
        found += containing(fitting, text) if text else fitting
        scanned += len(answer.get("devices", []))
        token = answer.get("nextPageToken", "")
        if not token or len(found) >= ROWS or scanned >= SCANNED_MOST:
            return _Found(found, token, scanned)
        await asyncio.sleep(0)  # others get their turn


async def _exact(guest: Guest, enterprise: str, text: str) -> Mapping[str, Json]:
    """The devices whose id or serial number is the text, those that the caller may see, by name."""
    await guest.admit(DEVICES_LIST, enterprise)
    there = await devices_called(guest.ports, EnterpriseName(enterprise), text)
    return {str(name): await guest.ask(DEVICES_GET, *name) for name in there if await guest.may(DEVICES_GET, *name)}


def _with_connection(guest: Guest, device: Json) -> Json:
    name = DeviceName.parse(device["name"])
    return {**device, "connected": "yes" if guest.ports.presence.connected(name) else "no"}


async def _row(guest: Guest, device: Json) -> Mapping[str, Any]:
    """What the table shows of a device."""
    name = DeviceName.parse(device["name"])
    sighting, waiting = await asyncio.gather(guest.ports.presence.sighting(name), guest.ports.store.open_operations(name))
    shown = {column: read(device) for column, read in COLUMNS.items()}
    connected = sighting.where in {Whereabouts.HERE, Whereabouts.AT_ANOTHER_SERVER}
    seen_us = max(sighting.last_seen_us, us_of(device.get("lastStatusReportTime", "")))
    return {
        **shown, "url": guest.url_of(name), "mode": management_of(device), "connected": connected, "open": len(waiting),
        "seen": ago(seen_us, guest.ports.clock.now_us()), "enrolled": moment_of(shown["enrolled"]),
    }  # fmt: skip
