"""Event streams of worlds: each has its own, by its own clock, and a reset or the world's end ends them."""

import concurrent.futures
import contextlib
import http.client
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.sandbox.client import Client, Json
from tests.sandbox.making import Maker

PHONE, OTHER = "pixel8-a15-fully-managed", "pixel7-a14-cope"
EVENTS = "/heliograph/v1/enterprises/sandbox/events"
NOW = "2030-01-01T00:00:00Z"
COMMANDS = {"now": NOW, "enabledNotificationTypes": ["COMMAND"]}


class Stream:
    """An open stream of events."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self._answer = answer

    def next(self) -> Json:
        """The next event or error.  Raises: EOFError: the stream has ended."""
        while line := self._answer.readline():
            if line.strip():
                found: Json = json.loads(line)
                return found
        raise EOFError

    def names(self, count: int) -> list[str]:
        """The operations of the next events."""
        return [self.next()["data"]["name"] for _ in range(count)]


@contextlib.contextmanager
def following(world: Client, after: str = "") -> Iterator[Stream]:
    """The world's events, for as long as the block lasts."""
    at = urlsplit(world.url)
    with contextlib.closing(http.client.HTTPConnection(at.hostname or "", at.port, timeout=90)) as connection:
        connection.request("GET", f"{at.path}{EVENTS}?after={after}", headers={"Accept": "application/jsonl"})
        answer = connection.getresponse()
        assert 200 == answer.status, answer.read()
        yield Stream(answer)


@pytest.fixture(params=["url", "pathUrl"])
def world(request: pytest.FixtureRequest, sandbox_process: Client) -> Iterator[Client]:
    """A world whose enterprise enabled COMMAND, at one of its two addresses."""
    maker = Maker(sandbox_process, request.param)
    yield maker(**COMMANDS)
    maker.end_all()


def test_events_come_by_the_clock_of_the_world(world: Client) -> None:
    world.patch(f"/sandbox/v1/devices/{PHONE}", {"online": False})
    with following(world) as stream:
        expires = world.issue(PHONE, {"type": "LOCK", "duration": "3600s"})
        world.post("/sandbox/v1/clock:advance", {"duration": "1800s"})
        cancelled = world.issue(PHONE, {"type": "LOCK", "duration": "86400s"})
        world.post(f"/v1/{cancelled}:cancel")
        world.post("/sandbox/v1/clock:advance", {"duration": "172800s"})

        found = [stream.next(), stream.next()]

    assert [cancelled, expires] == [event["data"]["name"] for event in found]
    assert ["2030-01-01T00:30:00Z", "2030-01-01T01:00:00Z"] == [event["createTime"] for event in found]


def test_an_open_stream_holds_up_nothing(world: Client) -> None:
    """It is not in progress for those who wait for the world to settle, nor for its frozen clock."""
    with following(world) as stream:
        world.post("/sandbox/v1/clock:freeze")
        name = world.issue(PHONE, {"type": "LOCK"})

        assert world.get(f"/v1/{name}")["done"]
        assert [name] == stream.names(1)


def test_worlds_have_streams_of_their_own(make: Maker) -> None:
    worlds = [make(seed=number, **COMMANDS) for number in range(6)]

    def busy(world: Client) -> tuple[list[str], list[str]]:
        with following(world) as stream:
            ended = [world.run((PHONE, OTHER)[number % 2], {"type": "LOCK"})["name"] for number in range(8)]
            return ended, stream.names(len(ended))

    with concurrent.futures.ThreadPoolExecutor(len(worlds)) as pool:
        for ended, seen in pool.map(busy, worlds):
            assert sorted(ended) == sorted(seen)
    for world in worlds:
        assert [str(number) for number in range(1, 9)] == [event["cursor"] for event in world.get(EVENTS)["events"]]


def test_the_same_world_has_the_same_events(make: Maker) -> None:
    seen = []
    for _ in range(2):
        world = make(seed=7, **COMMANDS)
        for phone in (PHONE, OTHER):
            world.run(phone, {"type": "LOCK"})
        seen.append(world.get(EVENTS)["events"])

    assert seen[0] == seen[1]


def test_a_reset_ends_the_streams_and_says_that_their_cursors_are_void(world: Client) -> None:
    with following(world) as stream:
        name = world.run(PHONE, {"type": "LOCK"})["name"]
        assert [name] == stream.names(1)
        world.post("/sandbox/v1:reset")

        error = stream.next()["error"]
        with pytest.raises(EOFError):
            stream.next()

    assert (410, "EVENTS_GONE", {"oldestCursor": "0"}) == (error["code"], *(error["details"][0][key] for key in ("reason", "metadata")))
    assert {"events": [], "cursor": "0"} == world.get(EVENTS)
    with following(world, "0") as stream:
        again = world.run(PHONE, {"type": "LOCK"})["name"]
        assert ("1", again) == ((event := stream.next())["cursor"], event["data"]["name"])


def test_what_happened_before_a_reset_is_read_before_its_end(world: Client) -> None:
    """However soon the reset comes: the last page is sent first."""
    with following(world) as stream:
        names = [world.run(PHONE, {"type": "LOCK"})["name"] for _ in range(5)]
        world.post("/sandbox/v1:reset")

        assert names == stream.names(5)
        assert "error" in stream.next()


def test_the_end_of_a_world_ends_its_streams_and_no_others(make: Maker) -> None:
    ended, goes_on = make(**COMMANDS), make(**COMMANDS)
    with following(ended) as one, following(goes_on) as other:
        world = next(world for world in make.root.get("/sandbox/v1/worlds")["worlds"] if world["url"] == ended.url)
        make.root.ask("DELETE", f"/sandbox/v1/{world['name']}")

        with pytest.raises(EOFError):
            one.next()
        name = goes_on.run(PHONE, {"type": "LOCK"})["name"]
        assert [name] == other.names(1)


def test_a_world_made_of_a_snapshot_goes_on_with_its_numbers(make: Maker) -> None:
    world = make(**COMMANDS)
    world.run(PHONE, {"type": "LOCK"})
    snapshot = world.post("/sandbox/v1:export")

    copy = make(snapshot=snapshot)
    name = copy.run(PHONE, {"type": "LOCK"})["name"]

    assert ["1", "2"] == [event["cursor"] for event in copy.get(EVENTS)["events"]]
    assert name == copy.get(f"{EVENTS}?after=1")["events"][0]["data"]["name"]
    assert ["1"] == [event["cursor"] for event in world.get(EVENTS)["events"]]
