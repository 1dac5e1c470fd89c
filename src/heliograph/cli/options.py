"""Options that several commands share, and how short names of devices and operations are completed."""

from collections.abc import Callable
from pathlib import Path

import click

from heliograph.cli.anywhere import KEY_FILE
from heliograph.cli.api_client import ApiClient
from heliograph.cli.command_tree import AnywhereOption, option
from heliograph.cli.durations import METAVAR, SECONDS
from heliograph.cli.key_file import bearer_of
from heliograph.domain.names import (
    ApprovalName,
    DeviceName,
    EnrollmentTokenName,
    EnterpriseName,
    OperationName,
    PolicyName,
    PushEndpointName,
    ReservationName,
)

DEFAULT_DATA_DIR = Path("heliograph-data")
PATH = click.Path(path_type=Path)

AS_JSON = option("--json", "as_json", cls=AnywhereOption, is_flag=True, help="Print the server's JSON.")
TIMEOUT = option(
    "--timeout",
    cls=AnywhereOption,
    type=SECONDS,
    metavar=METAVAR,
    help="Stop waiting after this long, as in 30s or 10m, with exit code 6.",
)
DEVICE = click.argument("device", metavar="DEVICE", help="A device id, or enterprises/…/devices/….")
OPERATION = click.argument("operation", metavar="OPERATION", help="DEVICE/ID, or enterprises/…/devices/…/operations/….")


def enterprise_name(enterprise: str) -> EnterpriseName:
    """`sandbox` or `enterprises/sandbox`.  Raises: InvalidArgument."""
    return EnterpriseName.parse(enterprise if "/" in enterprise else f"enterprises/{enterprise}")


def _whole(name: str, collection: str, enterprise: str) -> str:
    """The name of a resource of an enterprise; a short one belongs to `enterprise`.  Raises: InvalidArgument."""
    return name if name.startswith("enterprises/") else f"{enterprise_name(enterprise)}/{collection}/{name.removeprefix(f'{collection}/')}"


def device_name(device: str, enterprise: str) -> DeviceName:
    """The device; a short name belongs to `enterprise`.  Raises: InvalidArgument."""
    return DeviceName.parse(_whole(device, "devices", enterprise))


def policy_name(policy: str, enterprise: str) -> PolicyName:
    """The policy; a short name belongs to `enterprise`.  Raises: InvalidArgument."""
    return PolicyName.parse(_whole(policy, "policies", enterprise))


def token_name(token: str, enterprise: str) -> EnrollmentTokenName:
    """The enrollment token; a short name belongs to `enterprise`.  Raises: InvalidArgument."""
    return EnrollmentTokenName.parse(_whole(token, "enrollmentTokens", enterprise))


def push_endpoint_name(endpoint: str, enterprise: str) -> PushEndpointName:
    """The push endpoint; a short name belongs to `enterprise`.  Raises: InvalidArgument."""
    return PushEndpointName.parse(_whole(endpoint, "pushEndpoints", enterprise))


def reservation_name(reservation: str, enterprise: str) -> ReservationName:
    """The reservation; a phone's serial number belongs to `enterprise`.  Raises: InvalidArgument."""
    return ReservationName.parse(_whole(reservation, "reservations", enterprise))


def approval_name(approval: str, enterprise: str) -> ApprovalName:
    """The approval; a short name belongs to `enterprise`.  Raises: InvalidArgument."""
    return ApprovalName.parse(_whole(approval, "approvals", enterprise))


def operation_name(operation: str, enterprise: str) -> OperationName:
    """The operation; a short name belongs to `enterprise`.  Raises: InvalidArgument."""
    if operation.startswith("enterprises/"):
        return OperationName.parse(operation)
    device, _, number = operation.removeprefix("devices/").replace("/operations/", "/").partition("/")
    return OperationName.parse(f"{device_name(device, enterprise)}/operations/{number}")


def client_of(server: str) -> ApiClient:
    """A client of the server, signed in with `--key`.  Raises: Failure."""
    return ApiClient(server, bearer=bearer_given())


def bearer_given() -> Callable[[], str] | None:
    """What returns a token of the key file given with `--key`; None: there is none.  Raises: Failure."""
    key = KEY_FILE.get()
    return bearer_of(key) if key is not None else None
