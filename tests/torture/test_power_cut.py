"""The power fails at any write, sync, truncation or removal of a file: what SQLite said is durable is there, and nothing is half there."""

import asyncio
import contextlib
import gc
import itertools
import math
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import apsw
import pytest

from heliograph.storage.sqlite.store import SqliteStore
from tests.patience import PATIENCE_S
from tests.torture.drive import Drive
from tests.torture.power_cut import on_drive
from tests.torture.seeds import seed_of
from tests.torture.store_work import Book, Worker, judged, until

NAME = "heliograph.db"
TAIL_MOST = 40
"""Operations that are swept into the index at a time: few, so that it happens often."""
FIRST_STEPS = 45
"""Making a database takes fewer."""
CUTS = {"": 4_000, f"sync {NAME}-wal": 100, f"write {NAME}": 200, f"sync {NAME}": 2, f"remove {NAME}-wal": 1}
"""Among which steps the power goes, by turns, and at which of them at most. Any step at all is mostly a write to the log."""
EXTRA_ROUNDS = 20
INCONCLUSIVE = "inconclusive"
ANY_STEP = {"": 1_000}


async def one_life(drive: Drive, book: Book, chance: random.Random, *, synchronous: str = "") -> None:
    """A store has lived on the drive until the power went, or was closed."""
    with on_drive(drive, synchronous=synchronous):
        try:
            await _worked(drive.folder / NAME, book, chance)
        except apsw.IOError:
            assert drive.dead
        gc.collect()  # a store that could not be opened leaves connections behind, which are of this drive


async def _worked(path: Path, book: Book, chance: random.Random) -> None:
    died = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_fatal(_error: BaseException) -> None:
        loop.call_soon_threadsafe(died.set)

    # Where the clock stands still, ids run ahead of it, and nothing is past enough to be swept.
    book.clock.tick_us = chance.choice((0, 20_000, 50_000))
    store = SqliteStore.open(
        path, clock=book.clock, ring=lambda _device: None, on_fatal=on_fatal, unswept_most=TAIL_MOST, waits_most_s=PATIENCE_S
    )
    try:
        workers = [Worker(store, book, device, chance) for device in book.devices for _ in range(2)]
        await until(died, workers, book=book, answers=chance.choice((5, 60, 400)))
    finally:
        await store.close()


async def survived(disk: Path, book: Book, scratch: Path) -> list[str]:
    """What a store that opens a copy of this disk has lost."""
    shutil.copytree(disk, scratch)
    try:
        store = SqliteStore.open(scratch / NAME, clock=book.clock, ring=lambda _device: None, waits_most_s=PATIENCE_S)
        try:
            with contextlib.closing(apsw.Connection(str(scratch / NAME))) as second:
                book.swept = max(book.swept, int(second.execute("SELECT count(*) FROM history").get))
                damage = [] if second.pragma("integrity_check") == "ok" else ["the database is damaged"]
            return damage + [sentence async for sentence in judged(store, book)]
        finally:
            await store.close()
    except apsw.Error as error:
        return [f"the database is damaged: {error!r}"]


async def lives(folder: Path, chance: random.Random, rounds: int, *, cuts: Mapping[str, int] = CUTS, synchronous: str = "") -> list[str]:
    """What was lost over so many power cuts, each disk the one that the last cut left; empty: nothing, and each kind of cut occurred."""
    disk, book, cut = folder / "disk 0", Book(), Counter[str]()
    disk.mkdir()
    for number, (among, most) in enumerate(_turns(cuts, cut, rounds), start=1):
        drive = Drive(disk, cut_at=int(math.exp(chance.uniform(0, math.log(most)))), among=among)
        await one_life(drive, book, chance, synchronous=synchronous)
        cut[drive.trail[-1] if drive.dead else "after the end"] += 1
        left = folder / f"disk {number}"
        drive.leave(left, chance)
        lost = await survived(left, book, folder / f"copy {number}")
        if lost:
            return [f"cut {number}, at: {drive.trail[-1]}: {sentence}" for sentence in lost]
        shutil.rmtree(disk)
        shutil.rmtree(folder / f"copy {number}")
        disk = left
    print(f"{book.answers} answers; {book.swept} operations swept; cuts at: {dict(cut)}")  # noqa: T201 - the figures of the run
    missed = [f"no cut at: {step}" for step in cuts if step and step not in cut] + ["nothing was swept"] * (not book.swept)
    return [f"{INCONCLUSIVE}: {what}" for what in missed]


def _turns(cuts: Mapping[str, int], cut: Counter[str], rounds: int) -> Iterator[tuple[str, int]]:
    """Among which steps the power goes in each round; after those rounds, early among the steps at which it has not gone yet.

    How many steps a life has depends on how busy the machine is: a cut that comes after the end is no reason to fail.
    """
    yield from itertools.islice(itertools.cycle(cuts.items()), rounds)
    for _ in range(EXTRA_ROUNDS):
        missed = next((step for step in cuts if step and step not in cut), None)
        if missed is None:
            return
        yield missed, 2


async def test_a_power_cut_loses_nothing_that_was_answered(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    seed = seed_of(request)

    assert [] == await lives(tmp_path, random.Random(seed), rounds=20), seed


def test_who_reads_while_the_cut_leaves_its_disk_does_not_meet_it(tmp_path: Path) -> None:
    """Else a server ends by itself, before all is left: its publisher reads while its writer dies."""
    (tmp_path / "disk").mkdir()
    drive, read = Drive(tmp_path / "disk", cut_at=FIRST_STEPS), list[object]()
    with on_drive(drive), contextlib.suppress(apsw.IOError), contextlib.closing(apsw.Connection(str(drive.folder / NAME))) as writing:
        writing.execute("CREATE TABLE kept (number)")
        with contextlib.closing(apsw.Connection(str(drive.folder / NAME))) as reading:
            drive.on_cut = lambda: read.append(reading.execute("SELECT count(*) FROM kept").get)
            for number in range(FIRST_STEPS):
                writing.execute("INSERT INTO kept VALUES (?)", (number,))

    assert drive.dead
    assert [int] == [type(found) for found in read]


@pytest.mark.torture
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("disk", range(12))
async def test_many_power_cuts_lose_nothing_that_was_answered(request: pytest.FixtureRequest, tmp_path: Path, disk: int) -> None:
    seed = seed_of(request)

    assert [] == await lives(tmp_path, random.Random(seed), rounds=40), seed


@pytest.mark.parametrize("synchronous", ["off", "normal"])
async def test_a_store_that_does_not_sync_is_caught(request: pytest.FixtureRequest, tmp_path: Path, synchronous: str) -> None:
    lost = await lives(tmp_path, random.Random(seed_of(request)), rounds=60, cuts=ANY_STEP, synchronous=synchronous)

    assert [sentence for sentence in lost if not sentence.startswith(INCONCLUSIVE)]


@pytest.mark.parametrize("step", range(1, FIRST_STEPS))
async def test_a_power_cut_while_the_database_is_made_leaves_one_that_opens(tmp_path: Path, step: int) -> None:
    chance, disk, book = random.Random(step), tmp_path / "disk", Book()
    disk.mkdir()
    drive = Drive(disk, cut_at=step)

    await one_life(drive, book, chance)
    drive.leave(tmp_path / "left", chance)

    assert [] == await survived(tmp_path / "left", book, tmp_path / "copy")
