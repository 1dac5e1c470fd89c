"""Two servers of one database are killed without warning: readers of events miss nothing and get nothing twice."""

import random

import pytest

from tests.many_servers.event_readers import kill_and_read
from tests.many_servers.lab import Lab
from tests.torture.seeds import seed_of


@pytest.mark.parametrize(
    "rounds", [pytest.param(3, id="short"), pytest.param(40, id="long", marks=[pytest.mark.torture, pytest.mark.timeout(1_800)])]
)
async def test_readers_at_either_server_see_the_same_events_once_however_the_servers_die(
    request: pytest.FixtureRequest, lab: Lab, rounds: int
) -> None:
    readers = await kill_and_read(lab, rounds=rounds, chance=random.Random(seed_of(request)))

    print(f"{len(readers[0].seen)} events over {[reader.connections for reader in readers]} connections")  # noqa: T201 - figures of the run
    assert all(reader.connections > 1 for reader in readers)
