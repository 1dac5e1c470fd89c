"""What the tests must be given for each command type, because no row may decide it: one line for each, here and nowhere else.

A new type needs its line: the tests that miss it print the one that its row would have, to be compared with the reference page.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from heliograph.agent.profiles import PROFILES
from heliograph.commands import COMMANDS
from heliograph.domain.command import CommandType
from heliograph.domain.device import ManagementKind
from heliograph.domain.outcome import ErrorCode
from heliograph.domain.phone.euicc import EsimProfile
from heliograph.domain.phone.virtual_device import LostMode, VirtualDevice, device_facts

MARKS = {
    None: "ok",
    ErrorCode.API_LEVEL: "AL",
    ErrorCode.MANAGEMENT_MODE: "MM",
    ErrorCode.UNSUPPORTED: "UN",
}
"""How a table says whether a phone carries a command out."""

PIXEL, BYOD, COPE = "pixel8-a15-fully-managed", "galaxy-s25-a15-byod", "pixel7-a14-cope"


def as_it_is(phone: VirtualDevice, _row: CommandType) -> VirtualDevice:
    """The phone needs nothing for the example to succeed."""
    return phone


def in_lost_mode(phone: VirtualDevice, _row: CommandType) -> VirtualDevice:
    """The phone is lost."""
    return msgspec.structs.replace(phone, lost_mode=LostMode(since_us=1))


def with_the_esim(phone: VirtualDevice, row: CommandType) -> VirtualDevice:
    """The phone has the eSIM profile that the example removes."""
    esim = EsimProfile(icc_id=row.example["removeEsimParams"]["iccId"], managed=True)
    return msgspec.structs.replace(phone, euiccs=tuple(chip.add(esim) for chip in phone.euiccs))


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What holds for one type."""

    levels: tuple[int | None, int | None, int | None]
    """The lowest API level by way of management (fully managed, company-owned, personally owned); None: not supported.

    Source: the reference page and AMAPI's guides.
    """
    phones: str
    """Its outcome on each virtual phone, in the order of `PROFILES`.  Source: issueCommand, CommandType; amapi.md §6."""
    alone: bool
    """Whether the type alone is a command."""
    ends_management: bool = False
    phone: str = PIXEL
    """A virtual phone on which the row's example succeeds, once it is `prepared`."""
    prepared: Callable[[VirtualDevice, CommandType], VirtualDevice] = as_it_is


# The phones: pixel8, galaxy-a14, zebra, pixel7, pixel9, galaxy-s25, galaxy-s9, moto, legacy.
EXPECTED = {
    "LOCK": Expected(levels=(1, 1, 1), phones="ok ok ok ok ok ok ok ok ok", alone=True),
    "RESET_PASSWORD": Expected(levels=(1, 1, 1), phones="ok ok ok ok ok ok ok ok ok", alone=True),
    "REBOOT": Expected(levels=(24, None, None), phones="ok MM ok MM MM MM MM ok ok", alone=True),
    "RELINQUISH_OWNERSHIP": Expected(
        levels=(None, 26, None), phones="MM MM MM ok ok MM ok MM MM", alone=True, ends_management=True, phone=COPE
    ),
    "CLEAR_APP_DATA": Expected(levels=(1, 1, 1), phones="ok ok ok ok ok ok ok ok ok", alone=False),
    "START_LOST_MODE": Expected(levels=(30, 33, None), phones="ok MM AL ok ok MM AL AL AL", alone=False),
    "STOP_LOST_MODE": Expected(levels=(30, 33, None), phones="ok MM AL ok ok MM AL AL AL", alone=True, prepared=in_lost_mode),
    "ADD_ESIM": Expected(levels=(35, 35, 35), phones="ok AL AL AL ok ok AL AL AL", alone=False),
    "REMOVE_ESIM": Expected(levels=(35, 35, 35), phones="ok AL AL AL UN ok AL AL AL", alone=False, prepared=with_the_esim),
    "REQUEST_DEVICE_INFO": Expected(levels=(None, None, 33), phones="MM ok MM MM MM ok MM MM MM", alone=False, phone=BYOD),
    "WIPE": Expected(levels=(1, 1, 1), phones="ok ok ok ok ok ok ok ok ok", alone=True, ends_management=True),
}


def expected_of(row: CommandType) -> Expected:
    """The type's line.  Raises: AssertionError with the line to add."""
    assert row.name in EXPECTED, how_to_add(row)
    return EXPECTED[row.name]


def how_to_add(row: CommandType) -> str:
    """What to do about a type that has no line."""
    return (
        f"Add a line to EXPECTED in tests/commands/expected.py, and compare it with AMAPI's reference page. As the row has it:\n\n"
        f'    "{row.name}": {line_of(row)},\n'
    )


def line_of(row: CommandType) -> str:
    """The line as the row itself would have it."""
    levels = tuple(row.requires.lowest_level(management_kind) for management_kind in ManagementKind)
    fields = [f"levels={levels}", f'phones="{marks_of(row)}"', f"alone={not row.params_required}"]
    if row.final_at_ack:
        fields.append("ends_management=True")
    takers = [name for name, profile in PROFILES.items() if row.requires.refusal(device_facts(profile.phone("A1"))) is None]
    if PIXEL not in takers and takers:
        fields.append(f'phone="{takers[0]}"')
    return f"Expected({', '.join(fields)})"


def marks_of(row: CommandType) -> str:
    """The outcome of a command of this type on each virtual phone."""
    return " ".join(MARKS[row.requires.refusal(device_facts(profile.phone("A1")))] for profile in PROFILES.values())


def surplus() -> set[str]:
    """Lines of types that there are not."""
    return EXPECTED.keys() - COMMANDS.keys()
