"""What the command line shows of a device, and how it selects and orders devices: by the same columns."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from heliograph.cli.api_client import ApiClient, Json
from heliograph.cli.command_tree import option
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.cli.options import enterprise_name


def _last(field: str) -> Callable[[Json], str]:
    return lambda device: str(device.get(field, "")).rpartition("/")[2]


def _plain(*path: str) -> Callable[[Json], str]:
    def read(device: Json) -> str:
        *above, last = path
        for field in above:
            device = device.get(field, {})
        return str(device.get(last, ""))

    return read


COLUMNS: Final[Mapping[str, Callable[[Json], str]]] = {
    "device": _last("name"),
    "state": _plain("state"),
    "model": _plain("hardwareInfo", "model"),
    "api": _plain("apiLevel"),
    "mode": _plain("managementMode"),
    "reported": _plain("lastStatusReportTime"),
    "serial": _plain("hardwareInfo", "serialNumber"),
    "user": _last("userName"),
    "policy": _last("policyName"),
    "ownership": _plain("ownership"),
    "enrolled": _plain("enrollmentTime"),
}
"""By name; times as the server writes them. A narrow terminal leaves the last ones out."""
TIMES: Final = frozenset({"reported", "enrolled"})
_CONDITION: Final = re.compile(r"\s*([a-z]+)\s*(!=|<=|>=|=|~|<|>)\s*(.*?)\s*")
_HOLDS: Final[Mapping[str, Callable[[tuple[bool, int, str], tuple[bool, int, str]], bool]]] = {
    "=": lambda has, wanted: has == wanted,
    "!=": lambda has, wanted: has != wanted,
    "<": lambda has, wanted: has < wanted,
    ">": lambda has, wanted: has > wanted,
    "<=": lambda has, wanted: has <= wanted,
    ">=": lambda has, wanted: has >= wanted,
    "~": lambda has, wanted: wanted[2] in has[2],
}
FILTER_HELP: Final = (
    "Only devices for which this holds, as in 'state=ACTIVE AND api>=30'. Operators: = != < > <= >=, and ~ for a part of the text. "
    f"Columns: {', '.join(COLUMNS)}."
)
FILTER = option("--filter", default="", show_default=False, metavar="FILTER", help=FILTER_HELP)


def devices_of(client: ApiClient, enterprise: str, filter: str = "") -> list[Json]:
    """The enterprise's devices for which the filter holds.  Raises: Failure."""
    holds = read_filter(filter)
    pages = client.pages(f"/v1/{enterprise_name(enterprise)}/devices")
    return [device for page in pages for device in json.loads(page).get("devices", ()) if holds(device)]


def read_filter(text: str) -> Callable[[Json], bool]:
    """Whether a device matches; "" matches all.  Raises: Failure: the filter is not one."""
    conditions = [_condition(part) for part in re.split(r"\s+AND\s+", text)] if text.strip() else []
    return lambda device: all(holds(device) for holds in conditions)


def _condition(text: str) -> Callable[[Json], bool]:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise Failure(ExitCode.INVALID, f"{text!r} is not a condition: write one such as state=ACTIVE or model~pixel.")
    name, operator, value = found.groups()
    read, holds = column(name), _HOLDS[operator]
    return lambda device: holds(_comparable(read(device)), _comparable(value))


def _comparable(text: str) -> tuple[bool, int, str]:
    """Numbers compare as numbers, all else as text, whatever its case; times are ISO 8601, whose text is in order."""
    return (False, int(text), "") if text.isascii() and text.isdigit() else (True, 0, text.casefold())


def column(name: str) -> Callable[[Json], str]:
    """The column.  Raises: Failure: there is none of this name."""
    if name not in COLUMNS:
        raise Failure(ExitCode.INVALID, f"There is no column {name!r}. Columns: {', '.join(COLUMNS)}.")
    return COLUMNS[name]


def sorted_by(devices: Iterable[Json], order: str) -> list[Json]:
    """The devices ordered by a column; `-reported` reverses it, "" keeps the server's order.  Raises: Failure."""
    if not order:
        return list(devices)
    read = column(order.removeprefix("-"))
    return sorted(devices, key=lambda device: _comparable(read(device)), reverse=order.startswith("-"))


def containing(devices: Iterable[Json], text: str) -> Iterator[Json]:
    """The devices that have the text in any of their values: id, serial number, user, IMEI, model and so on."""
    wanted = text.casefold()
    return (device for device in devices if any(wanted in value.casefold() for value in _texts(device)))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from _texts(item)
    else:
        yield str(value)
