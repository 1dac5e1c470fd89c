"""A phone killed at any line of its journal executes no command twice and tells what it knows (design.md §4, the table)."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from heliograph.agent.executor import Moment
from heliograph.agent.misbehaviour import Misbehaviour
from heliograph.commands import COMMANDS
from heliograph.domain.command import CommandType, Recovery
from heliograph.domain.euicc import EsimProfile
from heliograph.domain.virtual_device import LostMode, VirtualDevice
from heliograph.domain.wire_types import secret_fields
from tests.agent.lab import KillAt, Lab, eventually, executions, shown

PIXEL, BYOD, COPE = "pixel8-a15-fully-managed", "galaxy-s25-a15-byod", "pixel7-a14-cope"
AT_ONCE = Misbehaviour(restart_s=0.0)
SECRETS = ("hunter2hunter2", "QR-G-5C-1LS-1W1Z9P7")


@dataclass(frozen=True)
class Case:
    """A command that succeeds on this phone."""

    profile: str = PIXEL
    fields: dict[str, Any] = field(default_factory=dict)


CASES = {
    "LOCK": Case(),
    "RESET_PASSWORD": Case(fields={"newPassword": SECRETS[0]}),
    "REBOOT": Case(),
    "RELINQUISH_OWNERSHIP": Case(profile=COPE),
    "CLEAR_APP_DATA": Case(fields={"clearAppsDataParams": {"packageNames": ["com.slack"]}}),
    "START_LOST_MODE": Case(fields={"startLostModeParams": {"lostEmailAddress": "help@example.com"}}),
    "STOP_LOST_MODE": Case(),
    "ADD_ESIM": Case(fields={"addEsimParams": {"activationCode": f"LPA:1$smdp.example.com${SECRETS[1]}"}}),
    "REMOVE_ESIM": Case(fields={"removeEsimParams": {"iccId": "8999000000000000001"}}),
    "REQUEST_DEVICE_INFO": Case(profile=BYOD, fields={"requestDeviceInfoParams": {"deviceInfo": "EID"}}),
    "WIPE": Case(),
}

BEFORE_THE_START = (Moment.ACKING, Moment.ACKNOWLEDGED)
AFTER_THE_RESULT = (Moment.RESULT, Moment.REPORTED, Moment.DROPPED)
LAST_ORDER = (Moment.ORDERED, Moment.CARRIED_OUT, Moment.FORGOTTEN)

MANAGED = [row for row in COMMANDS.values() if not row.final_at_ack]
FINAL = [row for row in COMMANDS.values() if row.final_at_ack]


def prepared(phone: VirtualDevice, type_name: str) -> VirtualDevice:
    """The phone with what the command takes away."""
    if type_name == "STOP_LOST_MODE":
        return msgspec.structs.replace(phone, lost_mode=LostMode(since_us=1))
    if type_name == "REMOVE_ESIM" and phone.euicc is not None:
        esim = EsimProfile(icc_id=CASES[type_name].fields["removeEsimParams"]["iccId"], managed=True)
        return msgspec.structs.replace(phone, euicc=phone.euicc.add(esim))
    return phone


def test_every_command_type_has_a_case() -> None:
    assert set(COMMANDS) == set(CASES)


def test_a_last_order_holds_no_secret() -> None:
    """It stands in journals whole."""
    assert [] == [row.name for row in COMMANDS.values() if row.final_at_ack and secret_fields(row.params)]


@pytest.mark.parametrize("moment", [*BEFORE_THE_START, Moment.EXECUTING, Moment.EXECUTED, *AFTER_THE_RESULT])
async def test_a_killed_phone_executes_at_most_once_and_reports(lab: Lab, moment: Moment) -> None:
    """One phone for each type, all at the same time."""
    # A phone goes down while it executes REBOOT: its agent is never where the execution is over.
    rows = [row for row in MANAGED if (row.recovery, moment) != (Recovery.BOOT_ID, Moment.EXECUTED)]

    await asyncio.gather(*(killed_once(lab, row, moment) for row in rows))

    journals = b"".join(path.read_bytes() for path in lab.folder.glob("*.journal"))
    assert [] == [secret for secret in SECRETS if secret.encode() in journals]


async def killed_once(lab: Lab, row: CommandType, moment: Moment) -> None:
    """A phone gets a command, is killed at this moment, restarted, and tells what it knows."""
    kill, case = KillAt(moment), CASES[row.name]
    phone = await lab.phone(case.profile, behaviour=AT_ONCE, checkpoint=kill)
    phone.phone.become(prepared(phone.phone.device, row.name))

    operation = await lab.ended(await lab.issue(phone, type=row.name, **case.fields))

    view = shown(operation)
    await eventually(lambda: kill.killed and phone.connected)
    assert (row.name, 0 if moment is Moment.EXECUTING else 1) == (row.name, executions(phone, operation))
    if moment is Moment.EXECUTING or (moment is Moment.EXECUTED and row.recovery is Recovery.UNKNOWN):
        assert (row.name, "UNKNOWN", 2) == (row.name, view["metadata"].get("errorCode"), view["error"]["code"])
    else:
        assert "response" in view, view


@pytest.mark.parametrize("moment", [*BEFORE_THE_START, *LAST_ORDER])
async def test_a_killed_phone_carries_out_its_last_order(lab: Lab, moment: Moment) -> None:
    """The operation succeeded at the ack, so nothing may keep the order from being carried out, once."""
    await asyncio.gather(*(killed_at_the_end(lab, row, moment) for row in FINAL))


async def killed_at_the_end(lab: Lab, row: CommandType, moment: Moment) -> None:
    """A phone gets its last order, is killed at this moment, restarted, and carries it out."""
    kill, case = KillAt(moment), CASES[row.name]
    phone = await lab.phone(case.profile, behaviour=AT_ONCE, checkpoint=kill)
    journal = lab.journal_of(phone)

    operation = await lab.ended(await lab.issue(phone, type=row.name, **case.fields))

    assert "response" in shown(operation)
    await eventually(lambda: kill.killed and not phone.phone.device.managed and not journal.exists())
    assert (row.name, 1) == (row.name, executions(phone, operation))
    tombstone = await lab.ports.store.tombstone(operation.device)
    assert tombstone is not None
    assert tombstone.confirmed
