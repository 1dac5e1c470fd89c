"""Options that several commands share, and how short names of devices and operations are completed."""

from contextvars import ContextVar
from pathlib import Path
from typing import Annotated

import typer

from heliograph.cli.api_client import ApiClient
from heliograph.cli.key_file import bearer_of
from heliograph.domain.names import DeviceName, EnterpriseName, OperationName

DEFAULT_SERVER = "http://127.0.0.1:8080"
DEFAULT_ENTERPRISE = "sandbox"

KEY_FILE: ContextVar[Path | None] = ContextVar("KEY_FILE", default=None)
"""What `heliograph --key` says: it is the same for every command."""

Server = Annotated[str, typer.Option("--server", envvar="HELIOGRAPH_SERVER", metavar="URL", help="Address of the server.")]
Enterprise = Annotated[
    str, typer.Option("--enterprise", envvar="HELIOGRAPH_ENTERPRISE", metavar="ID", help="Whose devices short names mean.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the server's JSON.")]
Timeout = Annotated[
    float | None, typer.Option("--timeout", metavar="SECONDS", min=0, help="Stop waiting after this long, with exit code 6.")
]
Device = Annotated[str, typer.Argument(metavar="DEVICE", help="A device id, or enterprises/…/devices/….", show_default=False)]
Operation = Annotated[
    str, typer.Argument(metavar="OPERATION", help="DEVICE/ID, or enterprises/…/devices/…/operations/….", show_default=False)
]


def enterprise_name(enterprise: str) -> EnterpriseName:
    """`sandbox` or `enterprises/sandbox`.  Raises: InvalidArgument."""
    return EnterpriseName.parse(enterprise if "/" in enterprise else f"enterprises/{enterprise}")


def device_name(device: str, enterprise: str) -> DeviceName:
    """The device; a name without an enterprise is of `enterprise`.  Raises: InvalidArgument."""
    if device.startswith("enterprises/"):
        return DeviceName.parse(device)
    return DeviceName.parse(f"{enterprise_name(enterprise)}/devices/{device.removeprefix('devices/')}")


def operation_name(operation: str, enterprise: str) -> OperationName:
    """The operation; a name without an enterprise is of `enterprise`.  Raises: InvalidArgument."""
    if operation.startswith("enterprises/"):
        return OperationName.parse(operation)
    device, _, number = operation.removeprefix("devices/").replace("/operations/", "/").partition("/")
    return OperationName.parse(f"{device_name(device, enterprise)}/operations/{number}")


def client_of(server: str) -> ApiClient:
    """A client of the server, signed in with `heliograph --key`.  Raises: Failure."""
    key = KEY_FILE.get()
    return ApiClient(server, bearer=bearer_of(key) if key is not None else None)
