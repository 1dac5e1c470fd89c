"""The page of health: what is not well, is stuck or is full, in words; for those who may see the whole server."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from heliograph.api.console.health_page import checks_of
from heliograph.api.readiness import STOPPING
from heliograph.service.metrics import PROCESS
from heliograph.service.silent_phones import Silence
from heliograph.settings import Admission, Settings
from tests.console.houses import shown
from tests.console.reader import Page, Reader
from tests.people.visitor import Visitor, signed_in
from tests.sign_in.conftest import Guarded, guarded_server

DOCS = Path(__file__).parents[2]
HEALTH = "/console/health"


@pytest.fixture(autouse=True)
def well_until_now() -> Iterator[None]:
    """What tests before this one did in the same process is not counted."""
    crowded, dropped = PROCESS.connections_crowded, PROCESS.log_lines_dropped
    PROCESS.connections_crowded, PROCESS.log_lines_dropped = Counter(), 0
    yield
    PROCESS.connections_crowded, PROCESS.log_lines_dropped = PROCESS.connections_crowded + crowded, PROCESS.log_lines_dropped + dropped


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Guarded]:
    """A server of the test's own, which may be made unwell."""
    with guarded_server(Settings(data_dir=tmp_path, durable=False)) as made:
        yield made


def health(visitor: Visitor) -> Page:
    """The page, read."""
    return shown(visitor.get(HEALTH))


def test_a_server_that_is_well_says_so_with_its_version_engine_and_uptime(server: Guarded) -> None:
    page = health(signed_in(server))

    assert "The server is well." in page.text
    assert re.search(r"Version \d+\.\d+", page.text)
    assert re.search(r"Storage SQLite 3\.\d+\.\d+, [\d.]+ [KM]iB", page.text)
    assert re.search(r"Runs since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, for \d+", page.text)


class Stopping:
    """A Presence of a server that stops."""

    draining = True

    def __getattr__(self, name: str) -> object:
        raise AssertionError(name)


def test_what_is_not_well_is_said_as_readyz_says_it(server: Guarded) -> None:
    ports = replace(server.ports, presence=Stopping())  # type: ignore[arg-type]

    requests = next(check for check in checks_of(ports, None, None) if check.name == "Requests")

    assert ("bad", [STOPPING]) == (requests.state, list(requests.sentences))


def test_what_was_rejected_rests_or_is_full_is_worth_a_look(server: Guarded) -> None:
    visitor, ports = signed_in(server), server.ports
    ports.store.counts.refused["waited"] += 2
    ports.publishing.resting_until_us["enterprises/a/pushEndpoints/b"] = ports.clock.now_us() + 3_600_000_000
    ports.publishing.closed += 1
    ports.access_counts.blast_radius_reached += 1
    PROCESS.connections_crowded["address"] += 1

    page = health(visitor)

    assert "Something is worth a look." in page.text
    for words in (
        "2 times since the start, a change was answered 503 because they had waited for too long.",
        "1 destination takes nothing, and is left alone for a while.",
        "Once since the start, a push endpoint answered 410 and was disabled.",
        "someone wanted to destroy more devices in an hour than they may",
        "a connection was rejected: one address had too many.",
    ):
        assert words in page.text


@pytest.mark.parametrize(
    "silent, state, words",
    [
        ((0, 0, 0), "good", "Each of 9 phones was heard within 3 days."),
        ((2, 0, 0), "good", "Of 9 phones, 2 for more than 3 days was not heard."),
        ((3, 2, 1), "look", "Of 9 phones, 3 for more than 3 days, 2 for more than 7 days, 1 for more than 30 days were not heard."),
    ],
)
def test_phones_that_are_silent_for_a_week_are_worth_a_look(server: Guarded, silent: tuple[int, ...], state: str, words: str) -> None:
    found = next(check for check in checks_of(server.ports, None, Silence(9, silent)) if check.name == "Silent phones")

    assert (state, [words]) == (found.state, list(found.sentences))


def test_the_page_has_the_count_of_phones_that_metrics_has(tmp_path: Path) -> None:
    with guarded_server(Settings(data_dir=tmp_path, admission=Admission.UNCHECKED, durable=False)) as server:
        metrics = server.call("GET", "/metrics").body
        server.device(server.enterprise())  # it is in the next count, minutes later

        page = server.call("GET", HEALTH).body

    assert b"\nheliograph_devices 0" in metrics
    assert b"Each of 0 phones was heard within 3 days." in page


def test_every_check_names_a_page_and_a_heading_that_there_are(server: Guarded) -> None:
    server.ports.access_counts.blast_radius_reached += 1

    for check in checks_of(server.ports, None, Silence(9, (2, 1, 0))):
        file, _, heading = check.read_on.partition(", ")
        text = (DOCS / file).read_text()
        assert not heading or re.search(rf"^##+ {re.escape(heading)}$", text, re.MULTILINE), check.read_on


def test_who_sees_some_enterprises_only_does_not_see_the_servers_health(server: Guarded) -> None:
    some = signed_in(server, enterprises=("acme",))

    assert 403 == some.get(HEALTH).status
    assert HEALTH not in some.get("/console/enterprises").page
    assert HEALTH in signed_in(server, role="viewer").get("/console/enterprises").page


def test_a_sandbox_says_that_it_keeps_all_in_memory(reader: Reader) -> None:
    assert "in memory" in reader.open(HEALTH).text
