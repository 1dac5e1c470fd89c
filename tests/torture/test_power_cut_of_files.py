"""The power fails under an agent's journal, a server's key file and its operator file: between any two of their system calls."""

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from heliograph.agent.journal import COMPACT_FROM_LINES, Entry, FinalOrder, Identity, Journal, JournalDamaged
from heliograph.domain.device import LastOrder
from heliograph.protocol import InFlightState, Report, ReportState
from heliograph.storage.operator_file import NoServerRuns, OperatorFile, operator_file, read_operator_file
from heliograph.storage.vault import FileVault
from tests.torture.drive import Drive, PowerCut
from tests.torture.plain_files import watched

ME = Identity(credential="c" * 64, installation_id="i")
ENROLLED = msgspec.structs.replace(ME, name="enterprises/e/devices/d")
ORDER = FinalOrder(order=LastOrder("WIPE", msgspec.Raw(b'{"type":"WIPE"}')))
OUTCOMES = 4
"""What one cut may leave is a matter of chance: so many times each."""
NAME = "journal"

Step = Callable[[Journal], None]
Seen = tuple[Identity | None, tuple[Entry, ...], FinalOrder | None]


def a_command(number: int) -> Iterator[Step]:
    """What an agent writes about a command, from its beginning to its end."""
    acking = Entry(operation=f"enterprises/e/devices/d/operations/{number}", ack_id=f"{number:032x}", state=InFlightState.ACKING)
    executing = msgspec.structs.replace(acking, state=InFlightState.EXECUTING, type="LOCK", boot_id="b")
    report = Report(operation=acking.operation, ack_id=acking.ack_id, seq=1, state=ReportState.SUCCEEDED)
    result = msgspec.structs.replace(executing, state=InFlightState.RESULT, seq=1, report=report)
    yield lambda journal: journal.put(acking)
    yield lambda journal: journal.put(executing)
    yield lambda journal: journal.put(result)
    yield lambda journal: journal.drop(acking.operation)


def a_life() -> Sequence[Step]:
    """An agent's: enrolment, two commands at once, its last order."""
    commands = [step for both in zip(a_command(1), a_command(2), strict=True) for step in both]
    return [
        lambda journal: journal.identify(ME),
        lambda journal: journal.identify(ENROLLED),
        *commands,
        lambda journal: journal.order(ORDER),
    ]


def a_long_life() -> Sequence[Step]:
    """One so long that the journal is rewritten."""
    commands = [step for number in range(COMPACT_FROM_LINES // 4 + 2) for step in a_command(number)]
    return [lambda journal: journal.identify(ENROLLED), *commands]


def seen(journal: Journal) -> Seen:
    """All that the journal remembers."""
    return journal.identity, journal.entries, journal.final_order


def live(journal: Journal, life: Sequence[Step]) -> list[Seen]:
    """What the journal remembered at first and after each step; the power may go."""
    remembered = [seen(journal)]
    with contextlib.suppress(PowerCut):
        for step in life:
            step(journal)
            remembered.append(seen(journal))
    journal.close()
    return remembered


def forgotten(folder: Path, life: Sequence[Step], *, cut_at: int, durable: bool = True) -> list[str]:
    """What was forgotten by the power cut before the system call of this number."""
    disk = folder / f"disk {cut_at}"
    disk.mkdir()
    drive = Drive(disk, cut_at=cut_at)
    wanted = live(Journal.in_memory(), life)
    with watched(drive):
        done = len(live(Journal(disk / NAME, durable=durable), life)) - 1
    lost = []
    for outcome in range(OUTCOMES):
        left = folder / f"left {cut_at} {outcome}"
        drive.leave(left, random.Random(f"{cut_at} {outcome}"))
        try:
            found = seen(Journal(left / NAME))
        except JournalDamaged as error:
            lost.append(str(error))
            continue
        if found not in wanted[done : done + 2]:
            lost.append(f"cut at {cut_at}: after {done} steps the journal remembers {found}")
    return lost


def calls_of(folder: Path, life: Sequence[Step]) -> list[str]:
    """The system calls that a life takes."""
    folder.mkdir()
    drive = Drive(folder)
    with watched(drive):
        live(Journal(folder / NAME), life)
    return list(drive.trail)


def test_a_journal_remembers_every_step_that_was_taken(tmp_path: Path) -> None:
    calls = len(calls_of(tmp_path / "whole", a_life()))

    assert [] == [sentence for cut_at in range(1, calls + 2) for sentence in forgotten(tmp_path, a_life(), cut_at=cut_at)]


def test_a_journal_that_is_written_anew_remembers_every_step(tmp_path: Path) -> None:
    calls = calls_of(tmp_path / "whole", a_long_life())
    anew = len(calls) - calls[::-1].index("replace")

    lost = [sentence for cut_at in range(anew - 5, anew + 5) for sentence in forgotten(tmp_path, a_long_life(), cut_at=cut_at)]

    assert calls.count("replace") == 2
    assert [] == lost


def test_a_journal_that_does_not_sync_is_caught(tmp_path: Path) -> None:
    assert [sentence for cut_at in range(3, 12) for sentence in forgotten(tmp_path, a_life(), cut_at=cut_at, durable=False)]


@pytest.mark.parametrize("cut_at", range(1, 10))
def test_a_server_finds_its_key_or_makes_another(tmp_path: Path, cut_at: int) -> None:
    """Of a key that nothing was sealed with, nothing needs to be left; a key file that cannot be read would keep the server down."""
    (tmp_path / "disk").mkdir()
    drive = Drive(tmp_path / "disk", cut_at=cut_at)
    sealed: list[bytes] = []

    with watched(drive):
        sealed.append(FileVault(tmp_path / "disk" / "key").seal(b"secret", bound_to="it"))

    for outcome in range(OUTCOMES):
        left = tmp_path / f"left {outcome}"
        drive.leave(left, random.Random(outcome))
        again = FileVault(left / "key")
        assert [b"secret"] * len(sealed) == [again.open(one, bound_to="it") for one in sealed]
        assert again.derive("label") == FileVault(left / "key").derive("label")


@pytest.mark.parametrize("cut_at", range(1, 8))
def test_an_operator_file_is_whole_or_none(tmp_path: Path, cut_at: int) -> None:
    (tmp_path / "disk").mkdir()
    drive = Drive(tmp_path / "disk", cut_at=cut_at)
    file = OperatorFile("http://127.0.0.1:1", "secret")

    with watched(drive), operator_file(tmp_path / "disk", file):
        pass

    for outcome in range(OUTCOMES):
        left = tmp_path / f"left {outcome}"
        drive.leave(left, random.Random(outcome))
        with contextlib.suppress(NoServerRuns):
            assert file == read_operator_file(left)
        with operator_file(left, file):
            assert file == read_operator_file(left)
