"""`heliograph devices`: list, find, show, disable, enable and delete devices."""

import csv
import json
import sys
from collections.abc import Sequence

import click

from heliograph.cli.anywhere import ENTERPRISE, SERVER, server_group
from heliograph.cli.api_client import Json
from heliograph.cli.command_tree import option, together
from heliograph.cli.confirming import YES, confirm
from heliograph.cli.device_columns import FILTER, devices_of
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.cli.options import AS_JSON, DEVICE, client_of, device_name
from heliograph.cli.output import fitting, print_object, print_resource, print_table, short_time
from heliograph.commands.wipe import WipeDataFlag
from heliograph.domain.device_columns import COLUMNS, TIMES, column, containing, sorted_by

app = server_group("devices", "List, find, show, disable, enable and delete devices.")

DEVICES = click.argument("devices", nargs=-1, required=True, metavar="DEVICE...", help="Device ids, or enterprises/…/devices/….")
FLAGS = [flag.value for flag in WipeDataFlag if flag is not WipeDataFlag.WIPE_DATA_FLAG_UNSPECIFIED]


_shown = together(
    FILTER,
    option(
        "--columns", default="", show_default="as many as fit", metavar="NAMES", help=f"Columns, as in device,serial: {', '.join(COLUMNS)}."
    ),
    option("--sort", default="", show_default="enrolment", metavar="COLUMN", help="Order by this column; -COLUMN reverses it."),
    option("--csv", "as_csv", is_flag=True, help="Print comma-separated values."),
    ENTERPRISE,
    SERVER,
    AS_JSON,
)
"""The options of a command that shows many devices."""


@app.command("list")
@_shown
def list_devices(  # noqa: PLR0913 - one option each
    *, filter: str, columns: str, sort: str, as_csv: bool, enterprise: str, server: str, as_json: bool
) -> None:
    """List the devices of an enterprise."""
    found = sorted_by(devices_of(client_of(server), enterprise, filter), sort)
    empty = "No device matches." if filter else "No device has enrolled yet."
    _print_devices(found, columns, as_csv=as_csv, as_json=as_json, empty=empty)


@app.command("find")
@click.argument("text", metavar="TEXT", help="A serial number, user, id, IMEI, model, or a part of one.")
@_shown
def find_devices(  # noqa: PLR0913 - one option each
    text: str, *, filter: str, columns: str, sort: str, as_csv: bool, enterprise: str, server: str, as_json: bool
) -> None:
    """Find devices by serial number, user, id, or any other text; exit code 3 if there is none."""
    found = sorted_by(containing(devices_of(client_of(server), enterprise, filter), text), sort)
    if not found:
        raise Failure(ExitCode.NOT_FOUND, f"No device of {enterprise} has {text!r} in any value. See heliograph devices list.")
    _print_devices(found, columns, as_csv=as_csv, as_json=as_json, empty="")


@app.command("get")
@DEVICE
@ENTERPRISE
@SERVER
@AS_JSON
def get_device(device: str, *, enterprise: str, server: str, as_json: bool) -> None:
    """Show one device in full."""
    print_resource(client_of(server).get(f"/v1/{device_name(device, enterprise)}"), as_json=as_json)


@app.command("disable")
@DEVICES
@ENTERPRISE
@SERVER
def disable_devices(devices: Sequence[str], *, enterprise: str, server: str) -> None:
    """Disable devices: their users cannot use them until they are enabled."""
    _set_state(devices, enterprise, server, "DISABLED")


@app.command("enable")
@DEVICES
@ENTERPRISE
@SERVER
def enable_devices(devices: Sequence[str], *, enterprise: str, server: str) -> None:
    """Enable devices that were disabled."""
    _set_state(devices, enterprise, server, "ACTIVE")


@app.command("delete")
@DEVICE
@option("--wipe-data-flag", "flags", multiple=True, type=click.Choice(FLAGS), help="What else to wipe; may be given several times.")
@option("--wipe-reason", default="", show_default=False, metavar="TEXT", help="Text shown to the user of a personal phone.")
@YES
@ENTERPRISE
@SERVER
def delete_device(device: str, *, flags: Sequence[str], wipe_reason: str, yes: bool, enterprise: str, server: str) -> None:
    """Delete a device: its phone, or its work profile, is wiped when it next connects."""
    client, name = client_of(server), device_name(device, enterprise)
    client.get(f"/v1/{name}")
    confirm(f"{name} will be deleted and wiped.", yes=yes)
    client.delete(f"/v1/{name}", {"wipeDataFlags": flags, "wipeReasonMessage": wipe_reason})
    click.echo(f"{name} is deleted.")


def _set_state(devices: Sequence[str], enterprise: str, server: str, state: str) -> None:
    client = client_of(server)
    for name in [device_name(device, enterprise) for device in devices]:
        client.patch(f"/v1/{name}", json.dumps({"state": state}).encode(), {"updateMask": "state"})
        click.echo(f"{name} is {state}.")


def _print_devices(devices: Sequence[Json], chosen: str, *, as_csv: bool, as_json: bool, empty: str) -> None:
    names = [name.strip().lower() for name in chosen.split(",")] if chosen else list(COLUMNS)
    reads = [column(name) for name in names]
    if as_json:
        print_object({"devices": devices})
        return
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([read(device) for read in reads] for device in devices)
        return
    rows = [
        [short_time(read(device)) if name in TIMES else read(device) for name, read in zip(names, reads, strict=True)] for device in devices
    ]
    headings = [name.upper() for name in names]
    if not chosen:
        headings, rows = fitting(headings, rows)
    print_table(headings, rows, empty=empty)
