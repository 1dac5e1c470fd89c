"""A run counts only where each answer was a success and stands for a command that is there; each peer's is looked up in what it stores."""

from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from benchmarks.enqueuing import CLIENTS, QUEUE_TABLES, Taker, Uncounted, rows
from benchmarks.figures import Promise, Run
from benchmarks.servers import running
from tests.patience import PATIENCE_S
from tests.ports import reserved_port

PROMISE = Promise("1.0", "it is synced to disk", "a worker takes it")
COMMANDS = 3


def taker(*, answered: int, stored: int, refused: int = 0) -> Taker:
    """A server that answered so many commands in a run and stored so many, beside seven from before."""
    counts: Iterator[int] = iter((7, 7 + stored))
    run = Run(answered, seconds=1.0, server_cpu_s=1.0, p50_ms=1.0, p99_ms=2.0, refused=refused)
    return Taker(PROMISE, lambda _seconds: run, lambda: next(counts))


@pytest.mark.parametrize("on_their_way", [0, 1, CLIENTS])
def test_a_run_counts_if_all_it_answered_is_there_and_at_most_a_command_of_each_client_more(on_their_way: int) -> None:
    run = taker(answered=1_000, stored=1_000 + on_their_way).counted(1.0)

    assert 1_000 == run.requests


@pytest.mark.parametrize(
    "stored, refused, why",
    [
        (999, 0, "1000 commands were answered, 999 are there"),
        (1_000 + CLIENTS + 1, 0, f"1000 commands were answered, {1_000 + CLIENTS + 1} are there"),
        (1_000, 1, "1 of 1001 answers were no success"),
    ],
)
def test_a_run_with_a_command_that_is_missing_too_many_or_refused_does_not_count(stored: int, refused: int, why: str) -> None:
    with pytest.raises(Uncounted, match=why):
        taker(answered=1_000, stored=stored, refused=refused).counted(1.0)


@pytest.mark.parametrize("queue", QUEUE_TABLES)
def test_a_queue_has_each_command_that_was_answered(queue: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    where: str = str(tmp_path / "jobs.db") if queue == "huey" else request.getfixturevalue("database")
    port = reserved_port()

    with running(["benchmarks.queue_server", queue, str(port), where], port) as server:
        for number in range(COMMANDS):
            command = b'{"type":"LOCK","duration":"%ds"}' % (number + 1)
            with urlopen(f"{server.url}/v1/enterprises/e/devices/d:issueCommand", command, PATIENCE_S) as answer:  # noqa: S310 - loopback
                assert 200 == answer.status

        assert COMMANDS == rows(where, QUEUE_TABLES[queue])
