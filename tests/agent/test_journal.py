"""The journal holds what a phone must not forget, and no secret."""

import stat
from pathlib import Path

import msgspec
import pytest

from heliograph.agent.executor import without_secrets
from heliograph.agent.journal import COMPACT_FROM_LINES, Entry, FinalOrder, Identity, Journal, JournalDamaged
from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.domain.device import LastOrder
from heliograph.protocol import InFlightState
from heliograph.protojson.messages import encode_message

ME = Identity(credential="c" * 64, installation_id="i", name="enterprises/e/devices/d")
ORDER = FinalOrder(order=LastOrder("WIPE", msgspec.Raw(b'{"type":"WIPE"}')), carried_out=True)


def acking(number: int) -> Entry:
    """An operation at its beginning."""
    return Entry(operation=f"enterprises/e/devices/d/operations/{number}", ack_id="a" * 32, state=InFlightState.ACKING)


@pytest.mark.parametrize("durable", [True, False])
def test_what_was_written_is_there_after_a_restart(tmp_path: Path, durable: bool) -> None:  # noqa: FBT001
    journal = Journal(tmp_path / "journal", durable=durable)
    journal.identify(ME)
    journal.put(acking(1))
    journal.put(acking(2))
    executing = msgspec.structs.replace(acking(2), state=InFlightState.EXECUTING, type="REBOOT", boot_id="b1")
    journal.put(executing)
    journal.drop(acking(1).operation)
    journal.order(ORDER)
    journal.close()

    again = Journal(tmp_path / "journal", durable=durable)

    assert (ME, (executing,), ORDER) == (again.identity, again.entries, again.final_order)
    assert [executing.operation] == [item.operation for item in again.in_flight()]


def test_a_line_that_a_crash_left_unfinished_is_none(tmp_path: Path) -> None:
    """Its step was not taken."""
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.identify(ME)
    journal.put(acking(1))
    journal.close()
    path.write_bytes(path.read_bytes() + b'{"entry":{"operation":"enterp')

    again = Journal(path)
    again.put(acking(2))
    again.close()

    assert (acking(1), acking(2)) == Journal(path).entries


def test_a_damaged_line_stops_the_phone(tmp_path: Path) -> None:
    """What was executed cannot be known from such a journal, so nothing is guessed."""
    path = tmp_path / "journal"
    path.write_bytes(b'{"entry": 7}\n')

    with pytest.raises(JournalDamaged, match="line 1"):
        Journal(path)


def test_only_its_owner_reads_a_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.identify(ME)
    journal.put(acking(1))

    assert 0o600 == stat.S_IMODE((tmp_path / "journal").stat().st_mode)
    journal.close()


def test_a_journal_does_not_grow_with_its_phone_s_age(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path, durable=False)
    journal.identify(ME)
    for number in range(1, 1_000):
        journal.put(acking(number))
        journal.drop(acking(number).operation)
    journal.close()

    assert len(path.read_bytes().splitlines()) <= COMPACT_FROM_LINES + 1
    assert (ME, ()) == (Journal(path).identity, Journal(path).entries)


def test_a_forgotten_credential_is_on_no_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.identify(ME)

    journal.forget()

    assert [] == list(tmp_path.iterdir())
    assert journal.identity is None


def test_a_credential_is_not_shown() -> None:
    assert ME.credential not in repr(ME)


@pytest.mark.parametrize(
    "command",
    [
        {"type": "RESET_PASSWORD", "newPassword": "hunter2hunter2", "resetPasswordFlags": ["LOCK_NOW"]},
        {"type": "ADD_ESIM", "addEsimParams": {"activationCode": "LPA:1$host$hunter2hunter2", "activationState": "ACTIVATED"}},
    ],
)
def test_params_are_journalled_without_their_secrets(command: dict[str, object]) -> None:
    issued = ENVELOPE.decode(msgspec.json.encode(command))

    written = encode_message(without_secrets(issued.params))

    assert b"hunter2" not in written
    assert b"hunter2" in encode_message(issued.params)
    assert issued.row in COMMANDS.values()
    assert written != b"{}"
