"""A phone killed at any line of its journal executes no command twice and reports what it knows (design.md §4, the table)."""

import asyncio

import msgspec
import pytest

from heliograph.agent.executor import Moment
from heliograph.agent.misbehaviour import Misbehaviour
from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.domain.command import CommandType, Recovery
from heliograph.protojson.types import secret_fields
from tests.agent.lab import KillAt, Lab, eventually, executions, shown
from tests.commands.expected import expected_of
from tests.files import contents

AT_ONCE = Misbehaviour(restart_s=0.0)

BEFORE_THE_START = (Moment.ACKING, Moment.ACKNOWLEDGED)
AFTER_THE_RESULT = (Moment.RESULT, Moment.REPORTED, Moment.DROPPED)
LAST_ORDER = (Moment.ORDERED, Moment.CARRIED_OUT, Moment.FORGOTTEN)

MANAGED = [row for row in COMMANDS.values() if not row.final_at_ack]
FINAL = [row for row in COMMANDS.values() if row.final_at_ack]


def secrets() -> list[bytes]:
    """The secrets in the examples of all types."""
    given = [(row, ENVELOPE.decode(msgspec.json.encode({"type": row.name, **row.example})).params) for row in COMMANDS.values()]
    return [getattr(params, name).encode() for row, params in given for name in secret_fields(row.params) if getattr(params, name)]


def test_a_last_order_holds_no_secret() -> None:
    """It stands in journals whole."""
    assert [] == [row.name for row in COMMANDS.values() if row.final_at_ack and secret_fields(row.params)]


@pytest.mark.parametrize("moment", [*BEFORE_THE_START, Moment.EXECUTING, Moment.EXECUTED, *AFTER_THE_RESULT])
async def test_a_killed_phone_executes_at_most_once_and_reports(lab: Lab, moment: Moment) -> None:
    """One phone for each type, all at the same time."""
    # A phone goes down while it executes REBOOT: its agent is never where the execution is over.
    rows = [row for row in MANAGED if (row.recovery, moment) != (Recovery.BOOT_ID, Moment.EXECUTED)]

    await asyncio.gather(*(killed_once(lab, row, moment) for row in rows))

    journals = b"".join(contents(lab.folder, "*.journal").values())
    assert secrets()
    assert [] == [secret for secret in secrets() if secret in journals]


async def killed_once(lab: Lab, row: CommandType, moment: Moment) -> None:
    """A phone gets a command, is killed at this moment, restarts, and reports what it knows."""
    kill, case = KillAt(moment), expected_of(row)
    phone = await lab.phone(case.phone, behaviour=AT_ONCE, checkpoint=kill)
    phone.phone.become(case.prepared(phone.phone.device, row))

    operation = await lab.ended(await lab.issue(phone, type=row.name, **row.example))

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
    kill = KillAt(moment)
    phone = await lab.phone(expected_of(row).phone, behaviour=AT_ONCE, checkpoint=kill)
    journal = lab.journal_of(phone)

    operation = await lab.ended(await lab.issue(phone, type=row.name, **row.example))

    assert "response" in shown(operation)
    await eventually(lambda: kill.killed and not phone.phone.device.managed and not journal.exists())
    assert (row.name, 1) == (row.name, executions(phone, operation))
    tombstone = await lab.ports.store.tombstone(operation.device)
    assert tombstone is not None
    assert tombstone.confirmed
