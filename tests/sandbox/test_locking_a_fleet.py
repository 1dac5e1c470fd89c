"""A whole fleet locked in one go under a quota, by the world's clock: nobody waits for a real minute."""

import contextlib
import http.client
import urllib.parse
from collections.abc import Callable, Iterator

from tests.patience import PATIENCE_S
from tests.sandbox.client import Client, Json
from tests.sandbox.test_worlds import NOW, PIXEL

LOCK = '{"type": "LOCK"}'
FLEET = 100
PER_MINUTE = 40
"""Google's is 600: `python -m benchmarks.worlds` locks 2,000 phones under it."""


@contextlib.contextmanager
def keep_on_calling(world: Client) -> Iterator[Callable[[str, str], int]]:
    """Calls on one connection; a refused caller moves the clock by what Retry-After says. How often that was."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(world.url).netloc, timeout=PATIENCE_S)

    def call(path: str, body: str) -> int:
        refusals = 0
        while True:
            connection.request("POST", path, body)
            with connection.getresponse() as answer:
                answer.read()
                if answer.status == http.client.OK:
                    return refusals
                assert http.client.TOO_MANY_REQUESTS == answer.status
                wait_s = answer.headers["Retry-After"]
            refusals += 1
            world.post("/sandbox/v1/clock:advance", {"duration": f"{wait_s}s"})

    with contextlib.closing(connection):
        yield call


def test_a_fleet_is_locked_and_the_quota_is_met_once_a_minute(sandbox_process: Client) -> None:
    phones = [{"deviceId": f"phone-{number}", "profile": PIXEL, "overrides": {"serialNumber": f"S{number}"}} for number in range(FLEET)]
    world = Client(sandbox_process.post("/sandbox/v1/worlds", {"phones": phones, "quota": PER_MINUTE, "now": NOW})["url"])
    assert [] == locked(world)

    with keep_on_calling(world) as call:
        refusals = sum(call(f"/v1/enterprises/sandbox/devices/{phone['deviceId']}:issueCommand", LOCK) for phone in phones)
    world.post("/sandbox/v1/clock:advance", {"duration": "1s"})

    assert FLEET // PER_MINUTE == refusals
    assert FLEET == len({phone["id"] for phone in locked(world)})
    quota = world.get("/sandbox/v1/quota")
    assert (FLEET + refusals, refusals, []) == (quota["calls"], quota["refused"], quota["givenUp"])
    minutes = world.get("/sandbox/v1/clock")["now"]
    assert "2030-01-01T00:02:01Z" == minutes


def locked(world: Client) -> list[Json]:
    """The phones that are."""
    return [phone for phone in world.get("/sandbox/v1/devices")["devices"] if phone["phone"]["screen"] == "off"]
