"""A server whose machine's clock was wrong when it started, and was set right while it ran: callers live in the true time."""

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from heliograph.sandbox.settings import SandboxSettings
from heliograph.server.database_clock import DatabaseClock
from heliograph.settings import Settings
from tests.sandbox.conftest import running
from tests.sign_in.conftest import guarded_server
from tests.sign_in.key_pairs import key_pair
from tests.sign_in.test_http import granted
from tests.sign_in.test_sandbox import DEVICES, session_of

HOUR_S = 3_600


@contextmanager
def wall_clock_off_by(seconds: int) -> Iterator[None]:
    """The machine's wall clock is wrong until the block ends, as before NTP sets it; how long it runs (CLOCK_BOOTTIME) stays right."""
    true_ns = time.time_ns
    with pytest.MonkeyPatch.context() as machine:
        machine.setattr(time, "time_ns", lambda: true_ns() + seconds * 1_000_000_000)
        yield


@pytest.mark.parametrize("off_s", [-HOUR_S, HOUR_S, -100 * 24 * HOUR_S])
def test_a_server_that_started_with_a_wrong_clock_takes_callers_once_it_is_set_right(tmp_path: Path, off_s: int) -> None:
    wrong = ExitStack()
    wrong.enter_context(wall_clock_off_by(off_s))
    with wrong, guarded_server(Settings(data_dir=tmp_path)) as server:
        key = server.key_file(["acme"])
        wrong.close()

        token = granted(server, key)
        listed = server.call("GET", "/v1/enterprises/acme/devices", authorization=f"Bearer {token.json.get('access_token')}")

    assert (200, 200) == (token.status, listed.status)


def test_a_sandbox_whose_clock_was_advanced_takes_keys_that_callers_sign_now() -> None:
    with running(SandboxSettings(port=0)) as sandbox:
        created = sandbox.post("/heliograph/v1/keys", {"publicKey": key_pair(0).public, "enterprises": ["sandbox"], "role": "viewer"})
        key = {
            "type": "service_account",
            "private_key_id": created["keyId"],
            "private_key": key_pair(0).private,
            "client_email": created["clientEmail"],
            "token_uri": f"{sandbox.url}/token",
        }
        sandbox.post("/sandbox/v1/clock:advance", {"duration": "864000s"})

        with session_of(key) as session:
            listed = session.get(sandbox.url + DEVICES)

    assert 200 == listed.status_code, json.dumps(listed.json())


async def test_servers_of_a_shared_database_judge_by_its_clock_as_it_is_and_not_as_they_slew() -> None:
    """Slewing away an hour takes 100 of them."""
    elapsed_us = itertools.count(1_000_000, 1_000_000)
    clock = DatabaseClock(boot_us=lambda: next(elapsed_us))
    database_us = [1_800_000_000_000_000]

    async def ask() -> int:
        database_us[0] += 1_000_000
        return database_us[0]

    await clock.set(ask)
    database_us[0] += HOUR_S * 1_000_000
    await clock.correct(ask)

    assert HOUR_S - 60 < (clock.wall_us() - clock.now_us()) / 1e6 < HOUR_S + 60
