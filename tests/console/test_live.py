"""The live stream: what it says, to whom, how often, and when it ends; without a browser."""

import asyncio
import contextlib
import http.client
import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from heliograph.api.console.live import APART_S, NAMES_MOST, frames_of
from heliograph.api.console.live_streams import OF_ONE_MOST, cursor_of
from heliograph.commands import COMMANDS
from heliograph.domain.names import DeviceName
from heliograph.service.changes import KEPT_FOR, REMEMBERED_MOST, Changes, Shelf, Thing
from tests.console.houses import House
from tests.console.reader import Reader
from tests.patience import PATIENCE_S
from tests.people.visitor import Visitor, signed_in
from tests.sandbox.client import Client

PIXEL, OTHER = "pixel8-a15-fully-managed", "pixel7-a14-cope"
PLAIN = next(row for row in COMMANDS.values() if not row.example)
ONE, TWO = DeviceName("acme", "one"), DeviceName("acme", "two")


class Frame(NamedTuple):
    """A frame of the stream."""

    cursor: str
    names: list[str]


class Listener:
    """Someone who reads the stream, as an EventSource does."""

    def __init__(self, host: str, path: str, headers: Mapping[str, str]) -> None:
        self._connection = http.client.HTTPConnection(host, timeout=PATIENCE_S)
        self._connection.request("GET", path, headers={"Accept": "text/event-stream", **headers})
        self._answer = self._connection.getresponse()
        self.status = self._answer.status

    def frames(self) -> Iterator[Frame]:
        """Frames as they come, until the stream ends."""
        cursor, names = "", []
        while line := self._answer.readline().decode():
            field, _, value = line.rstrip("\n").partition(": ")
            if field == "id":
                cursor = value
            elif field == "data":
                names.append(value)
            elif not field and cursor:
                yield Frame(cursor, [name for name in names if name])
                cursor, names = "", []

    def hear(self, wanted: str) -> Frame:
        """The next frame that has this name."""
        return next(frame for frame in self.frames() if wanted in frame.names)

    def close(self) -> None:
        """It is gone."""
        self._answer.close()
        self._connection.close()


def to_the_end(frames: Iterator[Frame]) -> None:
    """All frames are read. A stream that does not end runs into its time limit."""
    assert all(frame.cursor for frame in frames)


@contextlib.contextmanager
def listening(url: str, **headers: str) -> Iterator[Listener]:
    """A listener at this address of a stream."""
    parts = urlsplit(url)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    with contextlib.closing(Listener(parts.netloc, f"{parts.path}?{parts.query}", sent)) as listener:
        yield listener


@contextlib.contextmanager
def listening_as(visitor: Visitor, **headers: str) -> Iterator[Listener]:
    """The browser of someone who is signed in reads the stream."""
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    sent = {"Cookie": cookies, "Sec_Fetch_Site": "same-origin", **headers}
    with listening(f"{visitor.origin}/console/live", **sent) as listener:
        yield listener


async def test_five_thousand_changes_a_second_are_four_frames_a_second_and_none_is_missed() -> None:
    changes = Changes()
    devices = [DeviceName("acme", f"device-{number}") for number in range(NAMES_MOST)]
    slept_s = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal slept_s
        slept_s += seconds
        for number in range(int(5_000 * seconds)):
            changes.heard((devices[number % len(devices)],))

    heard: list[Collection[Thing] | None] = []
    async for _, things in frames_of(changes, "life", "life.0", sleep=sleep):
        heard.append(things)
        if slept_s >= 10:
            break

    assert 5_000 * 10 == changes.last
    assert len(heard) <= 4 * 10 + 1
    assert 4 * APART_S >= 1
    assert all(things is not None and set(devices) == set(things) for things in heard[1:])


async def test_where_other_servers_change_things_too_a_page_looks_again_and_again() -> None:
    alone, together = frames_of(Changes(), "life", "life.0"), frames_of(Changes(), "life", "life.0", look_s=0.001)

    assert () == tuple((await anext(alone))[1] or ())
    assert [(), None, None] == [things if things is None else tuple(things) for _, things in [await anext(together) for _ in range(3)]]


async def test_a_stream_ends_when_its_server_stops() -> None:
    changes = Changes()
    frames = frames_of(changes, "life", "life.0")
    await anext(frames)

    asyncio.get_running_loop().call_soon(changes.stop)

    assert [] == [frame async for frame in frames]


def test_only_the_newest_change_of_a_thing_counts() -> None:
    changes = Changes()
    with changes.watching():
        for thing in (ONE, TWO, ONE, ONE):
            changes.heard((thing,))

        assert [ONE, TWO] == list(changes.since(0, most=9) or ())
        assert [ONE] == list(changes.since(2, most=9) or ())
        assert [] == list(changes.since(4, most=9) or ())


def test_what_is_not_known_any_more_may_be_everything() -> None:
    changes = Changes()
    changes.heard((ONE,))  # no one watches
    with changes.watching():
        unseen, ahead = changes.since(0, most=9), changes.since(9, most=9)
        changes.heard((TWO, Shelf("acme", "policies")))
        too_many = changes.since(1, most=1)
        for number in range(REMEMBERED_MOST + 1):
            changes.heard((DeviceName("acme", str(number)),))

    assert [None, None, None, None] == [unseen, ahead, too_many, changes.since(1, most=2 * REMEMBERED_MOST)]


def test_what_changes_after_the_last_page_was_closed_is_kept_for_a_while_only() -> None:
    changes = Changes()
    with changes.watching():
        changes.heard((ONE,))
    left = changes.last

    changes.heard((TWO,))
    at_once = changes.since(left, most=9)
    for _ in range(KEPT_FOR):
        changes.heard((ONE,))
    late = changes.since(left, most=9)
    changes.heard((TWO,))

    assert [TWO] == list(at_once or ())
    assert late is None
    assert changes.since(changes.last - 1, most=9) is None, "no more is kept until a page is open"
    with changes.watching():
        changes.heard((ONE,))
        assert [ONE] == list(changes.since(changes.last - 1, most=9) or ())


def test_a_device_and_records_with_the_same_words_are_two_things() -> None:
    changes = Changes()
    with changes.watching():
        changes.heard((DeviceName("acme", "policies"), Shelf("acme", "policies")))

    assert 2 == len(changes.since(0, most=9) or ())


def page_cursor(reader: Reader, path: str) -> str:
    """The cursor that a page was made at."""
    return str(re.findall(r'data-after="([^"]+)"', reader.open(path).html)[0])


def test_a_command_is_heard_by_its_devices_name(sandbox: Client, reader: Reader) -> None:
    with listening(f"{sandbox.url}/console/live?after={page_cursor(reader, '/console/enterprises/sandbox')}") as listener:
        sandbox.wait(sandbox.issue(PIXEL, {"type": PLAIN.name}))

        listener.hear(f"enterprises/sandbox/devices/{PIXEL}")


def test_who_comes_back_with_the_last_event_id_hears_what_was_missed(sandbox: Client, reader: Reader) -> None:
    with listening(f"{sandbox.url}/console/live") as listener:
        sandbox.wait(sandbox.issue(PIXEL, {"type": PLAIN.name}))
        last = listener.hear(f"enterprises/sandbox/devices/{PIXEL}").cursor

    sandbox.wait(sandbox.issue(OTHER, {"type": PLAIN.name}))
    newer = page_cursor(reader, "/console/enterprises/sandbox")
    with listening(f"{sandbox.url}/console/live?after={newer}", last_event_id=last) as listener:  # the header counts
        missed = next(listener.frames())
    with listening(f"{sandbox.url}/console/live", last_event_id=cursor_of("another server", Changes())) as listener:
        unknown = next(listener.frames())

    assert f"enterprises/sandbox/devices/{OTHER}" in missed.names
    assert ["*"] == unknown.names


def test_a_browser_has_only_so_many_streams(sandbox: Client) -> None:
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(listening(f"{sandbox.url}/console/live")) for _ in range(OF_ONE_MOST)]
        for one in streams:
            next(one.frames())

        with listening(f"{sandbox.url}/console/live") as one_more:
            assert 204 == one_more.status  # an EventSource does not ask again


def test_a_stream_ends_with_the_sandboxs_life(sandbox: Client) -> None:
    with listening(f"{sandbox.url}/console/live") as listener:
        frames = listener.frames()
        next(frames)

        sandbox.post("/sandbox/v1:reset")

        to_the_end(frames)


def test_people_hear_of_their_own_enterprises_only(house: House) -> None:
    here, elsewhere = signed_in(house.server, enterprises=("acme",)), signed_in(house.server, enterprises=("other",))
    with listening_as(here) as heard, listening_as(elsewhere) as unheard:
        next(heard.frames())
        next(unheard.frames())
        for enterprise in ("acme", "other"):
            path = f"/v1/enterprises/{enterprise}/policies/{enterprise}"
            admin = signed_in(house.server)
            assert 200 == admin.call("PATCH", path, {}, x_heliograph_form_token=admin.form_token()).status

        assert heard.hear("enterprises/acme/policies").names
        assert all("acme" not in name for name in unheard.hear("enterprises/other/policies").names)


def test_a_caller_whose_role_chooses_devices_hears_no_devices_name(house: House) -> None:
    role = {"allow": [{"methods": ["*.get", "*.list"], "devices": 'managementMode = "DEVICE_OWNER"'}]}
    assert 200 == house.server.desk("PUT", "/roles/chooser", role).status
    chooser, admin = signed_in(house.server, role="chooser", enterprises=("acme",)), signed_in(house.server)
    with listening_as(chooser) as listener:
        next(listener.frames())
        assert 200 == admin.call("PATCH", f"/v1{house.device.removeprefix('/console')}", {"state": "DISABLED"},
                                 x_heliograph_form_token=admin.form_token()).status  # fmt: skip

        assert "/devices/" not in " ".join(listener.hear("enterprises/acme").names)


@pytest.mark.parametrize("way", ["the browser signs out", "the person is removed"])
def test_a_stream_ends_when_its_reader_may_read_no_more(house: House, way: str) -> None:
    name = f"{way.replace(' ', '-')}@example.com"
    visitor = signed_in(house.server, name)
    with listening_as(visitor) as listener:
        frames = listener.frames()
        next(frames)
        if way == "the browser signs out":
            assert 303 == visitor.post("/sign-out", {"form_token": visitor.form_token()}).status
        else:
            assert 200 == house.server.desk("DELETE", f"/people/{name}").status

        to_the_end(frames)


def test_who_is_not_signed_in_gets_no_stream_and_another_site_gets_none(house: House) -> None:
    visitor = signed_in(house.server)

    with listening(f"{visitor.origin}/console/live") as stranger:
        assert 204 == stranger.status
    with listening_as(visitor, Sec_Fetch_Site="cross-site") as other_site:
        assert 204 == other_site.status
