"""A key ends when it is deleted, rotated or expired: within a second at every server; and the desk shows when it was last used."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from heliograph.domain.access import ACCESS, AccessState, ServiceKey
from heliograph.protojson.errors import Unavailable
from heliograph.service.access_changes import LOOK_EVERY_S, AccessChanges, follow_access_changes
from heliograph.service.callers import Callers
from tests.patience import PATIENCE_S
from tests.sign_in.accounts import KEY, NOW_S, Keys, SetTime, sign_in
from tests.sign_in.conftest import Guarded
from tests.sign_in.key_pairs import key_pair
from tests.sign_in.test_bearers import OWN, access_token


def until(holds: Callable[[], bool]) -> None:
    """Returns once it holds."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


@pytest.fixture
def key(servers: list[Guarded]) -> dict[str, Any]:
    """A key of enterprise acme, which every server knows already."""
    made = servers[0].key_file(["acme"], pair=key_pair(0))
    assert [200] * len(servers) == [status(server, made) for server in servers]
    return made


def status(server: Guarded, key: dict[str, Any]) -> int:
    """The status of a call with the key."""
    return server.call_as(key, "GET", "/v1/enterprises/acme").status


def test_a_deleted_key_is_refused_by_every_server(servers: list[Guarded], key: dict[str, Any]) -> None:
    assert 200 == servers[0].operate("DELETE", f"/{key['private_key_id']}").status

    assert 401 == status(servers[0], key)
    until(lambda: status(servers[-1], key) == 401)


def test_a_key_that_may_less_may_less_at_every_server(servers: list[Guarded], key: dict[str, Any]) -> None:
    servers[0].operate("PATCH", f"/{key['private_key_id']}", json.dumps({"role": "viewer"}))

    def patch(server: Guarded) -> int:
        return server.call_as(key, "PATCH", "/v1/enterprises/acme?updateMask=enterpriseDisplayName", {"enterpriseDisplayName": "A"}).status

    assert 403 == patch(servers[0])
    until(lambda: patch(servers[-1]) == 403)
    assert 200 == status(servers[-1], key)


def test_of_a_rotated_key_both_work_and_then_the_new_one(servers: list[Guarded], key: dict[str, Any]) -> None:
    pair = key_pair(1)

    made = servers[0].operate("POST", f"/{key['private_key_id']}:rotate", json.dumps({"publicKey": pair.public, "overlap": "3600s"})).json

    new = {**key, "private_key": pair.private, "private_key_id": made["keyId"]}
    assert (key["client_email"], "admin", ["acme"], 10) == (made["clientEmail"], made["role"], made["enterprises"], made["blastRadius"])
    until(lambda: [200, 200] == [status(servers[-1], one) for one in (key, new)])
    listed = {one["keyId"]: one for one in servers[-1].operate("GET", "").json["keys"]}
    assert "expireTime" not in listed[made["keyId"]]
    ends_in = datetime.fromisoformat(listed[key["private_key_id"]]["expireTime"]) - datetime.now(UTC)
    assert timedelta(minutes=30) < ends_in <= timedelta(hours=1)

    servers[0].operate("POST", f"/{made['keyId']}:rotate", json.dumps({"publicKey": key_pair(2).public}))  # without an overlap
    until(lambda: status(servers[-1], new) == 401)
    assert 200 == status(servers[-1], key)


@pytest.mark.parametrize(
    "method, path, body, said",
    [
        ("POST", "/none:rotate", {"publicKey": key_pair(3).public}, "keys list"),
        ("POST", "/{key}:rotate", {"publicKey": key_pair(0).public}, "must differ"),
        ("POST", "/{key}:rotate", {"publicKey": key_pair(3).public, "overlap": "-1s"}, "negative"),
        ("PATCH", "/{key}", {"role": "owner"}, "viewer, operator, admin"),
        ("PATCH", "/{key}", {"person": "two words"}, "without spaces"),
        ("PATCH", "/{key}", {"ttl": "0s"}, "more than zero"),
        ("PATCH", "/{key}", {"blastRadius": 5000}, "1 to 1000"),
        ("PATCH", "/{key}", {"blastRadius": -1}, "unlimitedBlastRadius"),
        ("PATCH", "/none", {"role": "viewer"}, "keys list"),
    ],
)
def test_a_change_that_cannot_be_is_refused(guarded: Guarded, method: str, path: str, body: object, said: str) -> None:
    key_id = guarded.key_file(["acme"], pair=key_pair(0))["private_key_id"]

    answer = guarded.operate(method, path.format(key=key_id), json.dumps(body))

    assert (True, True) == (answer.status in {400, 404}, said in answer.message)


def test_the_desk_shows_when_a_key_was_last_used_and_when_it_ends(guarded: Guarded) -> None:
    used, unused = (guarded.key_file(["acme"], pair=key_pair(number), ttl="86400s") for number in (4, 5))
    assert 200 == status(guarded, used)

    def listed(key: dict[str, Any]) -> dict[str, Any]:
        return next(one for one in guarded.operate("GET", "").json["keys"] if one["keyId"] == key["private_key_id"])

    until(lambda: "lastUseTime" in listed(used))
    assert abs(datetime.fromisoformat(listed(used)["lastUseTime"]) - datetime.now(UTC)) < timedelta(hours=1)
    assert "lastUseTime" not in listed(unused)
    assert "expireTime" in listed(unused)
    assert 200 == guarded.operate("DELETE", f"/{used['private_key_id']}").status


async def test_an_expired_key_is_refused_from_the_microsecond_on_and_gets_no_token() -> None:
    clock = SetTime()
    keys = sign_in(msgspec.structs.replace(KEY, expires_us=(NOW_S + 10) * 1_000_000), time=clock)
    callers, credential = Callers(keys), await access_token(keys)
    await callers.authenticate_caller(credential, own_urls=OWN)

    clock.now_s += 9.999_999
    assert callers.known(credential) is not None
    clock.now_s += 0.000_001
    assert callers.known(credential) is None
    for refused in (lambda: callers.authenticate_caller(credential, own_urls=OWN), lambda: access_token(keys)):
        with pytest.raises(Exception, match=r"has expired|invalid authentication"):
            await refused()


async def test_a_caller_that_is_looked_up_while_its_key_is_deleted_is_not_remembered() -> None:
    class Slow(Keys):
        """Keys in a dict; while one is looked up it is deleted."""

        async def service_key(self, key_id: str) -> ServiceKey | None:
            found = await super().service_key(key_id)
            await self.delete_service_key(key_id)
            callers.forget()
            return found

    credential = await access_token(sign_in())
    callers = Callers(replace(sign_in(), keys=Slow(KEY)))

    await callers.authenticate_caller(credential, own_urls=OWN)

    assert callers.known(credential) is None


async def test_a_use_is_noted_aside() -> None:
    noted = asyncio.Event()

    class Noting(Keys):
        """Keys in a dict; says when a use is noted."""

        async def note_key_use(self, key_id: str, at_us: int) -> None:
            await super().note_key_use(key_id, at_us)
            noted.set()

    keys = Noting(KEY)
    service = replace(sign_in(), keys=keys)
    await Callers(service).authenticate_caller(await access_token(service), own_urls=OWN)

    async with asyncio.timeout(PATIENCE_S):
        await noted.wait()
    assert {"k1": NOW_S * 1_000_000} == keys.uses


def test_a_word_of_a_change_reaches_everyone_who_listens() -> None:
    heard: list[str] = []
    changes = AccessChanges()
    changes.listen(lambda: heard.append("here"))
    changes.say = lambda: heard.append("said")

    changes.changed()
    changes.heard()

    assert ["here", "said", "here"] == heard
    assert LOOK_EVERY_S < 1


class Database:
    """The one row, or trouble."""

    def __init__(self) -> None:
        self.changes = 0
        self.silent = False

    async def record(self, kind: Any, name: Any) -> Any:  # noqa: ANN401 - as ports.Store
        assert (kind, name) == (AccessState, ACCESS)
        if self.silent:
            raise Unavailable
        return AccessState(name=ACCESS, changes=self.changes)


async def test_a_change_whose_word_was_lost_is_found_by_looking_and_a_server_that_cannot_look_forgets_whom_it_knows() -> None:
    database, changes, heard = Database(), AccessChanges(), asyncio.Queue[int]()
    changes.listen(lambda: heard.put_nowait(database.changes))
    following = asyncio.create_task(follow_access_changes(database, changes, every_s=0.001))

    async with asyncio.timeout(PATIENCE_S):
        assert 0 == await heard.get()
        database.changes = 1
        assert 1 == await heard.get()
        database.silent = True
        for _ in range(3):
            assert 1 == await heard.get()
    following.cancel()
