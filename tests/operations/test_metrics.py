"""/metrics says what happened: asked over HTTP after real phones did it, and compared with what the API shows of every operation."""

import contextlib
import urllib.request
from collections import Counter
from collections.abc import Iterator

import pytest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from heliograph.agent.profiles import PROFILES
from heliograph.commands import COMMANDS
from heliograph.domain.longrunning import read_outcome
from heliograph.sandbox.settings import SandboxSettings
from heliograph.service.metrics import OUTCOMES
from tests.operations.exposition import Exposition, exposition
from tests.patience import PATIENCE_S
from tests.sandbox.client import Client, Json, Refused
from tests.sandbox.conftest import running

ISSUED, ACKNOWLEDGED, ENDED = (f"heliograph_operations_{what}_total" for what in ("issued", "acknowledged", "ended"))
PIXEL = "pixel8-a15-fully-managed"
MOTO = "moto-g5-a8-fully-managed"
LOCK = next(name for name, row in COMMANDS.items() if row.number == min(other.number for other in COMMANDS.values()))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Client]:
    """A sandbox of this module's own: its counts are no one else's."""
    with running(SandboxSettings(port=0)) as client:
        for phone in PROFILES:
            client.patch(f"/sandbox/v1/devices/{phone}", {"consent": "APPROVE", "consentDelay": "0s"})
        yield client


def test_the_page_has_the_type_of_prometheus_format(sandbox: Client) -> None:
    with urllib.request.urlopen(f"{sandbox.url}/metrics", timeout=PATIENCE_S) as answer:  # noqa: S310 - loopback
        assert CONTENT_TYPE_LATEST == answer.headers["Content-Type"]


def whats_of(sandbox: Client, operation: str) -> list[str]:
    """The words of the operation's timeline."""
    return [entry["what"] for entry in sandbox.get(f"/heliograph/v1/{operation}/timeline")["entries"]]


def outcome_told(sandbox: Client, operation: Json) -> str:
    """How the API says that the operation ended, in the words of /metrics."""
    outcome = read_outcome(operation).outcome.replace(" ", "_")
    return "refused" if "refused" in whats_of(sandbox, operation["name"]) else outcome


def run_everywhere(sandbox: Client, command: Json) -> Iterator[Json]:
    """The operations of this command on all phones, done; where the server refuses it for a phone, there is none."""
    for phone in PROFILES:
        with contextlib.suppress(Refused):
            yield sandbox.run(phone, command)


def since(now: Exposition, before: Exposition, name: str, *labels: str) -> Counter[tuple[str, ...]]:
    """By how much each number has grown."""
    return Counter(now.by(name, *labels)) - Counter(before.by(name, *labels))


@pytest.mark.parametrize("type_name", COMMANDS)
def test_what_became_of_a_command_on_every_phone_is_counted_under_its_type(sandbox: Client, type_name: str) -> None:
    """Phones it fits and phones that refuse it; those whose management it ends come back as new."""
    before = exposition(sandbox.url)

    done = list(run_everywhere(sandbox, {"type": type_name, **COMMANDS[type_name].example}))

    now = exposition(sandbox.url)
    assert len(PROFILES) / 2 < len(done)
    acknowledged = sum("acknowledged" in whats_of(sandbox, one["name"]) for one in done)
    assert Counter({(type_name,): len(done)}) == since(now, before, ISSUED, "type")
    assert acknowledged == since(now, before, ACKNOWLEDGED, "type")[type_name,]
    assert Counter((type_name, outcome_told(sandbox, one)) for one in done) == since(now, before, ENDED, "type", "outcome")
    assert len(done) <= since(now, before, "heliograph_offers_total", "type")[type_name,]
    if COMMANDS[type_name].final_at_ack:
        sandbox.post("/sandbox/v1:reset")


def test_a_command_that_no_phone_carries_out_is_counted_by_how_it_ended(sandbox: Client) -> None:
    sandbox.post("/sandbox/v1:reset")
    before = exposition(sandbox.url)
    sandbox.patch(f"/sandbox/v1/devices/{MOTO}", {"online": False})

    cancelled, _deleted = (sandbox.issue(MOTO, {"type": LOCK, "duration": "100000s"}) for _ in range(2))
    sandbox.post(f"/v1/{cancelled}:cancel")
    expired = sandbox.issue(MOTO, {"type": LOCK, "duration": "3600s"})
    sandbox.post("/sandbox/v1/clock:advance", {"duration": "6s"})  # the store is not asked more often
    assert 2 == exposition(sandbox.url)["heliograph_operations_open"]
    sandbox.post("/sandbox/v1/clock:advance", {"duration": "3601s"})
    sandbox.wait(expired)
    sandbox.ask("DELETE", f"/v1/enterprises/sandbox/devices/{MOTO}")

    told = since(exposition(sandbox.url), before, ENDED, "type", "outcome")
    assert Counter({(LOCK, "cancelled"): 1, (LOCK, "expired"): 1, (LOCK, "device_deleted"): 1}) == told


def test_every_type_and_outcome_is_there_before_anything_happened(sandbox: Client) -> None:
    """A rate over a counter that appears with its first step misses that step."""
    sandbox.post("/sandbox/v1:reset")

    fresh = exposition(sandbox.url)

    assert {0.0} == {fresh.value(ENDED, type=name, outcome=outcome) for name in COMMANDS for outcome in OUTCOMES}
    assert {0.0} == {fresh.value(ISSUED, type=name) for name in COMMANDS}


def test_phones_are_counted_by_how_they_are_connected(sandbox: Client) -> None:
    sandbox.post("/sandbox/v1:reset")
    assert len(PROFILES) == connected(sandbox)

    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    sandbox.until(lambda: connected(sandbox) == len(PROFILES) - 1)


def connected(sandbox: Client) -> int:
    """Over WebSockets: a sandbox's phones know no other way."""
    return exposition(sandbox.url).by("heliograph_phones_connected", "transport").get(("websocket",), 0)


def test_every_commit_falls_into_a_bucket(sandbox: Client) -> None:
    sandbox.post("/sandbox/v1:reset")
    before = exposition(sandbox.url)
    for _ in range(3):
        sandbox.run(PIXEL, {"type": LOCK})

    now = exposition(sandbox.url)

    for name in ("heliograph_store_commit_seconds", "heliograph_store_batch_rules"):
        assert now.value(f"{name}_bucket", le="+Inf") == now[f"{name}_count"]
    assert 6 <= now["heliograph_store_commit_seconds_count"] - before["heliograph_store_commit_seconds_count"], "an issue and an ack each"
    assert now["heliograph_store_batch_rules_count"] <= now["heliograph_store_batch_rules_sum"], "no batch without a rule"
    assert 0.0 < now["heliograph_store_commit_seconds_sum"]
