"""`heliograph devices`: which devices there are, and one of them whole."""

import json

import typer

from heliograph.cli.api_client import Json
from heliograph.cli.options import (
    DEFAULT_ENTERPRISE,
    DEFAULT_SERVER,
    AsJson,
    Device,
    Enterprise,
    Server,
    client_of,
    device_name,
    enterprise_name,
)
from heliograph.cli.output import console, print_json, print_pages, print_table, short_time

PAGE_SIZE = 100  # disc, devices.list: at most 100

app = typer.Typer(help="See the devices of an enterprise.", no_args_is_help=True)


@app.command("list")
def list_devices(*, enterprise: Enterprise = DEFAULT_ENTERPRISE, server: Server = DEFAULT_SERVER, as_json: AsJson = False) -> None:
    """List the devices of an enterprise."""
    pages = list(client_of(server).pages(f"/v1/{enterprise_name(enterprise)}/devices", {"pageSize": PAGE_SIZE}))
    if as_json:
        return print_pages(pages, "devices")
    rows = [_row(device) for page in pages for device in json.loads(page).get("devices", ())]
    columns = ("DEVICE", "STATE", "MODE", "OWNERSHIP", "API", "MODEL", "REPORTED")
    return print_table(columns, rows, empty="No device has enrolled yet.")


@app.command("get")
def get_device(
    device: Device, *, enterprise: Enterprise = DEFAULT_ENTERPRISE, server: Server = DEFAULT_SERVER, as_json: AsJson = False
) -> None:
    """Show one device whole."""
    body = client_of(server).get(f"/v1/{device_name(device, enterprise)}")
    if as_json:
        return print_json(body)
    return console().print_json(body.decode())


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
