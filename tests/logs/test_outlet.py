"""A log that nothing reads delays no one, and a line reports what is missing."""

import contextlib
import os
from collections.abc import Iterator

import pytest

from heliograph.cli.folding import Folding
from heliograph.cli.outlet import Outlet
from tests.patience import PATIENCE_S

LINE = "x" * 99 + "\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe."""
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    # The writer's end stays with the outlet's thread, as a process' standard error does.


def fill(writer: int) -> int:
    """How many bytes the pipe took until it was full."""
    os.set_blocking(writer, False)
    filled = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            filled += os.write(writer, b"-" * 4_096)
    os.set_blocking(writer, True)
    return filled


def read_until(reader: int, end: bytes) -> bytes:
    """What was written, up to and with `end`."""
    found = b""
    while end not in found:
        found += os.read(reader, 65_536)
    return found


def test_lines_come_out_in_their_order(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    outlet = Outlet(writer)

    for number in range(200):
        outlet.put(f"{number}\n")

    assert outlet.flush(PATIENCE_S)
    assert [*range(200)] == [int(line) for line in os.read(reader, 65_536).split()]


def test_what_nobody_reads_is_dropped_counted_and_said_at_its_place(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    filled = fill(writer)
    drops: list[None] = []
    outlet = Outlet(writer, held_most_bytes=100_000, dropped="{} dropped\n".format, on_drop=lambda: drops.append(None))

    for _ in range(10_000):
        outlet.put(LINE)
    unread = outlet.flush(0.01)
    written = read_until(reader, b" dropped\n")
    outlet.put("after\n")
    written += read_until(reader, b"after\n")

    assert not unread
    kept = written.count(LINE.encode())
    assert 0 < kept < 10_000
    assert 10_000 - kept == len(drops)
    assert written[filled:] == LINE.encode() * kept + f"{len(drops)} dropped\nafter\n".encode()


def test_lines_that_could_not_be_written_are_counted() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    drops: list[None] = []
    outlet = Outlet(full, on_drop=lambda: drops.append(None))

    outlet.put(LINE * 3)
    for _ in range(3):  # the line that says so cannot be written either
        assert outlet.flush(PATIENCE_S)

    assert 3 == len(drops)


def test_a_descriptor_that_does_not_block_is_waited_for(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.set_blocking(writer, False)
    outlet = Outlet(writer)

    for _ in range(2_000):
        outlet.put(LINE)
    outlet.put("end\n")

    assert LINE.encode() * 2_000 + b"end\n" == read_until(reader, b"end\n")


def test_the_last_line_is_written_before_a_process_ends(pipe: tuple[int, int]) -> None:
    reader, writer = pipe

    Outlet(writer, held_most_bytes=0).put_last("the end\n")

    os.set_blocking(reader, False)
    assert b"the end\n" == os.read(reader, 100)


def test_of_lines_of_one_kind_the_first_stand_there_and_of_the_others_their_number() -> None:
    now_s = [0.0]
    folding = Folding(lambda: now_s[0], each_most=3, all_most=100, window_s=10)

    admitted = [folding.admits("refused", {"event": "refused"}) for _ in range(815)]
    other = folding.admits("else", {"event": "else"})
    now_s[0] = 9.0
    early = folding.folded()
    now_s[0] = 10.0

    assert [True] * 3 + [False] * 812 == admitted
    assert other
    assert [] == early
    assert [{"event": "refused", "more": 812, "in_s": 10.0}] == folding.folded()
    assert [] == folding.folded()
    assert folding.admits("refused", {"event": "refused"})


def test_of_all_lines_only_so_many_stand_there() -> None:
    folding = Folding(lambda: 0.0, each_most=3, all_most=5)

    admitted = [folding.admits(kind, {"event": str(kind)}) for kind in range(100)]

    assert 5 == sum(admitted)
    assert 95 == len(folding.folded(at_once=True))
