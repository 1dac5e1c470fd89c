"""A phone learns what silences its network lets pass: on any network, and as a real agent with a real server on one that forgets."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.agent.keep_alive import FIRST_S, PATIENCE_FIRST, Silences
from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import Line, PhoneRunner, TransportKind
from heliograph.agent.virtual_phone import VirtualPhone
from heliograph.protocol import KEEP_ALIVE_LEAST_S, KEEP_ALIVE_MOST_S
from tests.agent.lab import Lab, eventually, lab_in, port_of, shown
from tests.forgetful_network import ForgetfulNetwork, pass_time
from tests.steered_loop import LoopClock, SteeredLoop

Timeouts = st.integers(KEEP_ALIVE_LEAST_S, 2 * KEEP_ALIVE_MOST_S)
"""After how many seconds of silence a network forgets."""
LEARNT_AFTER = 30
"""Keep-alives: seven to grow, and two for each halving of what is left."""
Heard = st.tuples(st.booleans(), st.integers(0, 2 * KEEP_ALIVE_MOST_S))


def after(silences: Silences, keep_alives: int, *, forgets_after_s: int) -> tuple[Silences, int]:
    """What a phone knows after so many keep-alives in this network, and how many connections it lost."""
    losses = 0
    for _ in range(keep_alives):
        asked_s = silences.next_s
        losses += asked_s > forgets_after_s
        silences = silences.after_lost(asked_s) if asked_s > forgets_after_s else silences.after_passed(asked_s)
    return silences, losses


@given(forgets_after_s=Timeouts)
def test_in_any_network_the_phone_comes_near_to_the_longest_silence(forgets_after_s: int) -> None:
    silences, losses = after(Silences(), LEARNT_AFTER, forgets_after_s=forgets_after_s)

    assert min(forgets_after_s, KEEP_ALIVE_MOST_S) * 8 // 9 <= silences.next_s <= min(forgets_after_s, KEEP_ALIVE_MOST_S)
    assert losses <= 5


@given(forgets_after_s=Timeouts)
def test_who_has_learnt_loses_hardly_anything(forgets_after_s: int) -> None:
    silences, _ = after(Silences(), LEARNT_AFTER, forgets_after_s=forgets_after_s)

    _, losses = after(silences, 300, forgets_after_s=forgets_after_s)

    assert losses <= 4  # after 16, 32, 64 and 128


@given(before_s=Timeouts, now_s=Timeouts)
def test_when_the_network_changes_the_phone_learns_again(before_s: int, now_s: int) -> None:
    silences, _ = after(Silences(), LEARNT_AFTER, forgets_after_s=before_s)

    silences, _ = after(silences, 4 * LEARNT_AFTER, forgets_after_s=now_s)

    assert silences.next_s <= max(min(now_s, KEEP_ALIVE_MOST_S), silences.lost_s if silences.calm >= silences.patience else 0)
    assert min(now_s, KEEP_ALIVE_MOST_S) * 8 // 9 <= silences.next_s


@given(heard=st.lists(Heard))
def test_whatever_happens_the_phone_asks_for_what_it_may(heard: list[tuple[bool, int]]) -> None:
    silences = Silences()
    for passed, silent_s in heard:
        silences = silences.after_passed(silent_s) if passed else silences.after_lost(silent_s)

        assert KEEP_ALIVE_LEAST_S <= silences.next_s <= KEEP_ALIVE_MOST_S
        assert not silences.lost_s or silences.passed_s < silences.lost_s
        assert PATIENCE_FIRST <= silences.patience


@given(heard=st.lists(Heard), silent_s=st.integers(0, KEEP_ALIVE_LEAST_S - 1))
def test_what_dies_in_the_middle_of_talk_did_not_die_of_silence(heard: list[tuple[bool, int]], silent_s: int) -> None:
    silences = Silences()
    for passed, long_s in heard:
        silences = silences.after_passed(long_s) if passed else silences.after_lost(long_s)

    assert silences is silences.after_lost(silent_s)
    assert silences is silences.after_passed(silent_s)


def test_one_loss_of_a_silence_that_used_to_pass_changes_nothing() -> None:
    silences, _ = after(Silences(), LEARNT_AFTER, forgets_after_s=400)

    lost = silences.after_lost(silences.next_s)

    assert silences.passed_s == lost.next_s == lost.after_passed(lost.next_s).next_s


Scenario = Callable[[Lab, ForgetfulNetwork, PhoneRunner], Awaitable[None]]


def lead_through(scenario: Scenario, folder: Path, *, kind: TransportKind, forgets_after_s: float) -> None:
    """The scenario has run with a real server, a forgetful network before it, and a real agent in that, in a loop whose time it leads."""

    async def run() -> None:
        async with lab_in(folder) as lab, ForgetfulNetwork(port_of(lab.url), forgets_after_s=forgets_after_s) as network:
            phone = VirtualPhone(PROFILES["pixel8-a15-fully-managed"].phone("K1"), clock=LoopClock(), chance=random.Random(1))
            runner = PhoneRunner(phone, Line(server_url=network.url, kind=kind, progress_every_s=0.01))
            lab.phones.append(runner)
            runner.start(await lab.token("pixel8-a15-fully-managed"))
            await runner.wait_connected()
            await scenario(lab, network, runner)

    with asyncio.Runner(loop_factory=SteeredLoop) as steering:
        steering.run(run())


@pytest.mark.parametrize("kind", list(TransportKind))
def test_a_phone_in_a_forgetful_network_learns_it_and_stays_in_reach(tmp_path: Path, kind: TransportKind) -> None:
    async def scenario(lab: Lab, network: ForgetfulNetwork, runner: PhoneRunner) -> None:
        await pass_time(3 * 3_600, network, runner, lab.ports)
        learnt = runner.networks["virtual"]
        assert 320 <= learnt.passed_s <= 400 < learnt.lost_s
        assert network.forgotten >= 1

        await pass_time(0.5 * learnt.next_s, network, runner, lab.ports)
        operation = await lab.ended(await lab.issue(runner, type="LOCK"))
        assert "response" in shown(operation)

    lead_through(scenario, tmp_path, kind=kind, forgets_after_s=400)


@pytest.mark.parametrize("kind", list(TransportKind))
def test_what_was_learnt_is_the_networks_and_outlives_the_agent(tmp_path: Path, kind: TransportKind) -> None:
    async def scenario(lab: Lab, network: ForgetfulNetwork, runner: PhoneRunner) -> None:
        await pass_time(3_600, network, runner, lab.ports)
        learnt = runner.networks["virtual"]

        runner.network = "elsewhere"
        await runner.restart()
        await eventually(lambda: runner.connected)
        await pass_time(FIRST_S * 1.5, network, runner, lab.ports)
        await eventually(lambda: runner.networks["elsewhere"].passed_s > 0)  # its keep-alive may still be on its way

        assert learnt == runner.networks["virtual"]
        assert FIRST_S <= runner.networks["elsewhere"].passed_s < learnt.passed_s

    lead_through(scenario, tmp_path, kind=kind, forgets_after_s=10_000)
