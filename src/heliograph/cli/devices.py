"""`heliograph devices`: list devices, and show one in full."""

import json

from heliograph.cli.anywhere import ENTERPRISE, SERVER, server_group
from heliograph.cli.api_client import Json
from heliograph.cli.options import AS_JSON, DEVICE, client_of, device_name, enterprise_name
from heliograph.cli.output import print_highlighted, print_json, print_pages, print_table, short_time

PAGE_SIZE = 100  # disc, devices.list: at most 100

app = server_group("devices", "See the devices of an enterprise.")


@app.command("list")
@ENTERPRISE
@SERVER
@AS_JSON
def list_devices(*, enterprise: str, server: str, as_json: bool) -> None:
    """List the devices of an enterprise."""
    pages = list(client_of(server).pages(f"/v1/{enterprise_name(enterprise)}/devices", {"pageSize": PAGE_SIZE}))
    if as_json:
        return print_pages(pages, "devices")
    rows = [_row(device) for page in pages for device in json.loads(page).get("devices", ())]
    columns = ("DEVICE", "STATE", "MODE", "OWNERSHIP", "API", "MODEL", "REPORTED")
    return print_table(columns, rows, empty="No device has enrolled yet.")


@app.command("get")
@DEVICE
@ENTERPRISE
@SERVER
@AS_JSON
def get_device(device: str, *, enterprise: str, server: str, as_json: bool) -> None:
    """Show one device in full."""
    body = client_of(server).get(f"/v1/{device_name(device, enterprise)}")
    return print_json(body) if as_json else print_highlighted(body)


def _row(device: Json) -> list[str]:
    hardware = device.get("hardwareInfo", {})
    return [
        device["name"].rpartition("/")[2],
        device.get("state", ""),
        device.get("managementMode", ""),
        device.get("ownership", ""),
        str(device.get("apiLevel", "")),
        hardware.get("model", ""),
        short_time(device.get("lastStatusReportTime", "")),
    ]
