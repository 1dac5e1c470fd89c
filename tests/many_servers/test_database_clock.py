"""All servers go by their database's clock: set at start, followed slowly, never backwards."""

from collections.abc import Iterator

from structlog.testing import capture_logs

from heliograph.server.clock import SLEW_SHARE
from heliograph.server.database_clock import DatabaseClock

SECOND_US = 1_000_000
DATABASE_US = 1_790_000_000 * SECOND_US


class Machines:
    """A server's machine and its database's, some microseconds of wire apart."""

    def __init__(self) -> None:
        self.boot_us = 5 * SECOND_US
        self.database_us = DATABASE_US
        self.wire_us: Iterator[tuple[int, int]] = iter(())

    def pass_by(self, us: int) -> None:
        """Time passes on both."""
        self.boot_us += us
        self.database_us += us

    async def ask(self) -> int:
        """What the database says, after the way there and before the way back."""
        there_us, back_us = next(self.wire_us, (0, 0))
        self.pass_by(there_us)
        said_us = self.database_us
        self.pass_by(back_us)
        return said_us

    async def clock(self) -> DatabaseClock:
        """A clock that was set."""
        clock = DatabaseClock(boot_us=lambda: self.boot_us)
        await clock.set(self.ask)
        return clock


async def test_it_shows_the_databases_time_whatever_the_servers_own_clock_says() -> None:
    machines = Machines()
    clock = await machines.clock()

    machines.pass_by(7 * SECOND_US)

    assert machines.database_us == clock.now_us()


async def test_the_way_to_the_database_and_back_is_counted_half() -> None:
    machines = Machines()
    machines.wire_us = iter([(10_000, 10_000)] * 3)

    clock = await machines.clock()

    assert machines.database_us == clock.now_us()


async def test_the_quickest_answer_counts() -> None:
    machines = Machines()
    machines.wire_us = iter([(0, 900_000), (100, 100), (800_000, 0)])

    clock = await machines.clock()

    assert machines.database_us == clock.now_us()


async def test_a_difference_within_the_round_trip_is_none() -> None:
    machines = Machines()
    clock = await machines.clock()
    machines.wire_us = iter([(0, 20_000)] * 3)

    await clock.correct(machines.ask)
    machines.pass_by(SECOND_US)

    assert machines.database_us == clock.now_us()


async def test_a_step_is_logged_once_and_made_good_slowly() -> None:
    machines = Machines()
    clock = await machines.clock()
    machines.database_us += 10 * SECOND_US

    with capture_logs() as logs:
        await clock.correct(machines.ask)
        await clock.correct(machines.ask)
    machines.pass_by(100 * SECOND_US)
    behind_us = machines.database_us - clock.now_us()
    machines.pass_by(2_000 * SECOND_US)

    assert [("clock.stepped", 10_000)] == [(entry["event"], entry["off_ms"]) for entry in logs]
    assert 10 * SECOND_US - 100 * SECOND_US // SLEW_SHARE == behind_us
    assert machines.database_us == clock.now_us()


async def test_it_never_goes_back_when_the_databases_clock_does() -> None:
    machines = Machines()
    clock = await machines.clock()
    machines.database_us -= 3_600 * SECOND_US
    await clock.correct(machines.ask)

    shown = []
    for _ in range(1_000):
        shown.append(clock.now_us())
        machines.pass_by(1_234)

    assert sorted(set(shown)) == shown


async def test_a_server_whose_database_is_behind_its_rows_starts_at_their_time_and_runs_on() -> None:
    machines = Machines()
    clock = await machines.clock()

    clock.start_from(DATABASE_US + 3_600 * SECOND_US)
    machines.pass_by(3 * SECOND_US)
    await clock.correct(machines.ask)

    behind_us = DATABASE_US + 3_603 * SECOND_US - clock.now_us()
    assert 0 <= behind_us <= 3 * SECOND_US // SLEW_SHARE
    assert 3_600 * SECOND_US - behind_us == clock.ahead_us()
    machines.pass_by(3_600 * SECOND_US * SLEW_SHARE)
    assert machines.database_us == clock.now_us()


async def test_time_that_passed_before_a_correction_does_not_count_for_it() -> None:
    """Else a day of quiet would allow a jump of a quarter of an hour."""
    machines = Machines()
    clock = await machines.clock()
    machines.pass_by(86_400 * SECOND_US)
    before_us = clock.now_us()
    machines.database_us -= 60 * SECOND_US

    await clock.correct(machines.ask)

    assert before_us == clock.now_us()
