"""An idle phone on mobile data: how often its radio wakes in a day, and how soon a command reaches it. Gates: the exit code says it.

The real agent and the real server talk over real sockets, through a network that forgets silent connections without a word, in an event
loop whose time is led on: a day passes in seconds. What is counted are the packets that went over, by a model of the radio.

Source: Wang, Qian, Xu, Mao, Zhang, "An Untold Story of Middleboxes in Cellular Networks", SIGCOMM 2011: carriers forget idle TCP
connections after some minutes to more than half an hour.
"""

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from benchmarks.devices import PROFILE
from benchmarks.figures import Figures, Number, Scale, percentile
from benchmarks.radio import LTE
from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import Line, PhoneRunner, TransportKind
from heliograph.agent.virtual_phone import EffectRecord, VirtualPhone
from tests.agent.lab import Lab, lab_in, port_of
from tests.forgetful_network import ForgetfulNetwork, pass_time
from tests.steered_loop import LoopClock, SteeredLoop

WAKE_UPS_MOST = 12
"""An hour."""
REACHED_WITHIN_S = 1.0
HOURS, HOURS_QUICK = 24, 2
COMMANDS = 200
NETWORKS_MIN = (60, 20, 10, 6)
"""After how many minutes of silence they forget a connection."""
IMPATIENT_MIN = 4
"""No keep-alive can do with less than 15 wake-ups an hour in such a network."""

T = TypeVar("T")
Scene = Callable[[Lab, ForgetfulNetwork, PhoneRunner], Awaitable[T]]


def measure_battery(scale: Scale) -> Figures:
    """Both."""
    hours = HOURS if scale.rounds > 1 else HOURS_QUICK
    numbers = [_asked_for_nothing()]
    for minutes in NETWORKS_MIN:
        numbers += _idle(TransportKind.WEBSOCKET, minutes, hours, gate=hours == HOURS)
    numbers += _idle(TransportKind.LONG_POLL, NETWORKS_MIN[-1], hours, gate=hours == HOURS)
    numbers += _idle(TransportKind.WEBSOCKET, IMPATIENT_MIN, hours, gate=None)
    return Figures(numbers=[*numbers, *_reached(min(COMMANDS, 50 * scale.rounds))])


def _asked_for_nothing() -> Number:
    async def scene(lab: Lab, network: ForgetfulNetwork, runner: PhoneRunner) -> float:
        return await _wake_ups_an_hour(lab, network, runner, hours=1)

    found = _played(scene, forgets_after_s=3_600, keeps_alive=False)
    return Number("wake-ups an hour of a phone that asks for no keep-alive, WebSocket", [found])


def _idle(kind: TransportKind, minutes: int, hours: int, *, gate: bool | None) -> list[Number]:
    """`gate`: whether too many fail the run; None: there is no goal."""

    async def scene(lab: Lab, network: ForgetfulNetwork, runner: PhoneRunner) -> tuple[float, float, int]:
        wake_ups = await _wake_ups_an_hour(lab, network, runner, hours)
        return wake_ups, runner.networks[runner.network].passed_s, network.forgotten

    wake_ups, passed_s, forgotten = _played(scene, forgets_after_s=60 * minutes, kind=kind)
    where = f"{kind.value}, a network that forgets after {minutes} min, {hours} h from the first connection on"
    most = None if gate is None else WAKE_UPS_MOST
    return [
        Number(f"wake-ups an hour of an idle phone, {where}", [wake_ups], most=most, gate=bool(gate)),
        Number(f"the same: longest silence that passed; connections lost: {forgotten}", [passed_s], "s"),
    ]


def _reached(count: int) -> list[Number]:
    async def scene(lab: Lab, network: ForgetfulNetwork, runner: PhoneRunner) -> tuple[list[float], list[float]]:
        chance = random.Random(1)  # noqa: S311 - the same radio in every run
        awake = [await _reached_s(lab, network, runner, chance.random()) for _ in range(count)]
        asleep = []
        for _ in range(count):
            await pass_time(2 * LTE.tail_s, network, runner, lab.ports)
            asleep.append(await _reached_s(lab, network, runner, chance.random()))
        return sorted(awake), sorted(asleep)

    awake, asleep = _played(scene, forgets_after_s=3_600)
    name = "from issueCommand to its execution on a phone that is connected, radio"
    return [
        Number(f"{name} awake, p99 of {count}", [percentile(awake, 0.99)], "s", most=REACHED_WITHIN_S, gate=True),
        Number(f"{name} asleep, p99 of {count}", [percentile(asleep, 0.99)], "s"),
    ]


async def _reached_s(lab: Lab, network: ForgetfulNetwork, runner: PhoneRunner, chance: float) -> float:
    """What was measured, and what the radio adds: before the command, and before the phone's acknowledgement is answered."""
    loop = asyncio.get_running_loop()
    began: asyncio.Future[float] = loop.create_future()

    def effect(record: EffectRecord) -> None:
        if record.step == "began" and not began.done():
            began.set_result(loop.time())

    runner.phone.on_effect = effect
    issued_s = loop.time()
    radio_s = LTE.delay_s(since_packet_s=issued_s - network.packets_at_s[-1], chance=chance)
    operation = await lab.issue(runner, type="LOCK")
    measured_s = await began - issued_s
    await lab.ended(operation)
    return measured_s + radio_s + LTE.delay_s(since_packet_s=0, chance=1)


async def _wake_ups_an_hour(lab: Lab, network: ForgetfulNetwork, runner: PhoneRunner, hours: int) -> float:
    await pass_time(3_600 * hours, network, runner, lab.ports)
    return len(LTE.wake_ups_s(network.packets_at_s)) / hours


def _played(scene: Scene[T], *, forgets_after_s: float, kind: TransportKind = TransportKind.WEBSOCKET, keeps_alive: bool = True) -> T:
    """What the scene gave, with a server, a network and a phone of its own."""

    async def run(folder: Path) -> T:
        async with lab_in(folder) as lab, ForgetfulNetwork(port_of(lab.url), forgets_after_s=forgets_after_s) as network:
            phone = VirtualPhone(PROFILES[PROFILE].phone("BATTERY"), clock=LoopClock(), chance=random.SystemRandom())
            runner = PhoneRunner(phone, Line(server_url=network.url, kind=kind, keeps_alive=keeps_alive))
            lab.phones.append(runner)
            runner.start(await lab.token(PROFILE))
            await runner.wait_connected()
            return await scene(lab, network, runner)

    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=SteeredLoop) as steering:
        return steering.run(run(Path(folder)))
