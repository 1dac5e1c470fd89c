"""What people see of a device, and how they select and order devices: by the same columns, at the command line and in the console.

They read devices as the API shows them. AMAPI's own filters (`filters.py`) are of operations.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

from heliograph.protojson.errors import InvalidArgument

Json = Mapping[str, Any]
Column = Callable[[Json], str]
Columns = Mapping[str, Column]
J = TypeVar("J", bound=Json)


def _last(field: str) -> Column:
    return lambda device: str(device.get(field, "")).rpartition("/")[2]


def plain(*path: str) -> Column:
    """The column of what stands at this path of a device's JSON."""

    def read(device: Json) -> str:
        *above, last = path
        for field in above:
            device = device.get(field, {})
        return str(device.get(last, ""))

    return read


COLUMNS: Final[Columns] = {
    "device": _last("name"),
    "state": plain("state"),
    "model": plain("hardwareInfo", "model"),
    "api": plain("apiLevel"),
    "mode": plain("managementMode"),
    "reported": plain("lastStatusReportTime"),
    "serial": plain("hardwareInfo", "serialNumber"),
    "user": _last("userName"),
    "policy": _last("policyName"),
    "ownership": plain("ownership"),
    "enrolled": plain("enrollmentTime"),
}
"""By name; times as the server writes them. A narrow terminal leaves the last ones out."""
TIMES: Final = frozenset({"reported", "enrolled"})
QUOTED_MOST: Final = 128
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


def read_filter(text: str, columns: Columns = COLUMNS) -> Callable[[Json], bool]:
    """Whether a device matches; "" matches all.  Raises: InvalidArgument: the filter is not one."""
    conditions = [_condition(part, columns) for part in re.split(r"\s+AND\s+", text)] if text.strip() else []
    return lambda device: all(holds(device) for holds in conditions)


def _condition(text: str, columns: Columns) -> Callable[[Json], bool]:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise InvalidArgument(f"{text[:QUOTED_MOST]!r} is not a condition: write one such as state=ACTIVE or model~pixel.")
    name, operator, value = found.groups()
    read, holds = column(name, columns), _HOLDS[operator]
    wanted = _comparable(value)
    return lambda device: holds(_comparable(read(device)), wanted)


def _comparable(text: str) -> tuple[bool, int, str]:
    """Numbers compare as numbers of any length, all else as text, whatever its case; times are ISO 8601, whose text is in order."""
    if text.isascii() and text.isdigit():
        digits = text.lstrip("0")
        return False, len(digits), digits
    return True, 0, text.casefold()


def column(name: str, columns: Columns = COLUMNS) -> Column:
    """The column.  Raises: InvalidArgument: none has this name."""
    if name not in columns:
        raise InvalidArgument(f"There is no column {name[:QUOTED_MOST]!r}. Columns: {', '.join(columns)}.")
    return columns[name]


def sorted_by(devices: Iterable[J], order: str) -> list[J]:
    """The devices ordered by a column; `-reported` reverses it, "" keeps the server's order.  Raises: InvalidArgument."""
    if not order:
        return list(devices)
    read = column(order.removeprefix("-"))
    return sorted(devices, key=lambda device: _comparable(read(device)), reverse=order.startswith("-"))


def containing(devices: Iterable[J], text: str) -> Iterator[J]:
    """The devices that have the text in any of their values: id, serial number, user, IMEI, model and so on."""
    wanted = text.casefold()
    return (device for device in devices if _has(device, wanted))


def _has(value: Any, wanted: str) -> bool:  # noqa: ANN401 - decoded JSON
    # By exact types, as a decoder makes them: asking whether a value is any Mapping took most of a search's time.
    kind = type(value)
    if kind is str:
        return wanted in value.casefold()
    if kind is dict:
        value = value.values()
    elif kind is not list:
        return wanted in str(value).casefold()
    return any(_has(item, wanted) for item in value)
