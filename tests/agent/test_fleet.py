"""Many phones in one process, all of them badly behaved."""

import asyncio
import functools
import random
from collections import Counter
from pathlib import Path

from heliograph.agent.fleet import Fleet, FleetPlan, FleetProgress, run_fleet
from heliograph.agent.misbehaviour import Misbehaviour
from heliograph.agent.profiles import PROFILES
from heliograph.agent.virtual_phone import EffectRecord
from heliograph.commands import ENVELOPE
from heliograph.domain.operation import State
from heliograph.service.issue_command import issue_command
from tests.agent.lab import QUICK, Lab, eventually
from tests.files import contents
from tests.patience import PATIENCE_S, surely

PIXEL = "pixel8-a15-fully-managed"
CHAOS = Misbehaviour(
    latency_s=0.02, drop_before_ack=0.1, drop_after_ack=0.1, drop_report=0.1, duplicate=0.2, crash=0.03, restart_s=0.02,
    late=0.1, late_s=0.1, offline_every_s=1.0, offline_for_s=0.1,
)  # fmt: skip
WIPE: dict[str, object] = {"type": "WIPE"}
COMMANDS_SENT: tuple[dict[str, object], ...] = (
    {"type": "LOCK"},
    {"type": "REBOOT"},
    {"type": "START_LOST_MODE", "startLostModeParams": {"lostEmailAddress": "help@example.com"}},
    {"type": "RESET_PASSWORD", "newPassword": "hunter2hunter2"},
    WIPE,
)


async def test_every_command_to_a_chaotic_fleet_ends_and_none_is_executed_twice(lab: Lab, tmp_path: Path) -> None:
    plan = FleetPlan(profile=PROFILES[PIXEL], count=50, seed=7, behaviour=CHAOS, pace=QUICK, journals=tmp_path)
    fleet = Fleet(lab.line(), plan)
    effects: list[EffectRecord] = []
    for phone in fleet.phones:
        phone.phone.on_effect = effects.append
    try:
        fleet.start(await lab.token(PIXEL))
        async with asyncio.timeout(PATIENCE_S):
            await fleet.wait_connected()
        operations = [
            await lab.issue(phone, **command)
            for phone in fleet.phones
            for command in sorted(random.Random(phone.name).sample(COMMANDS_SENT, 3), key=WIPE.__eq__)  # nothing is issued to the wiped
        ]
        ended = [await lab.ended(operation) for operation in operations]
        wiped = {operation.device for operation in ended if operation.type == "WIPE"}
        await eventually(lambda: len(wiped) == sum(not phone.phone.device.managed for phone in fleet.phones))
    finally:
        await fleet.stop()

    began = Counter(effect.operation for effect in effects if effect.step == "began")
    never_executed = [str(op.name) for op in ended if op.state is State.SUCCEEDED and began[str(op.name)] != 1]
    assert [] == [operation for operation, times in began.items() if times > 1]
    assert [] == never_executed
    assert [] == holding(b"hunter2", tmp_path)
    assert fleet.progress().restarts > 0


def holding(secret: bytes, folder: Path) -> list[str]:
    """The journals in which the secret stands."""
    return [path.name for path, content in contents(folder, "*.journal").items() if secret in content]


async def test_a_fleet_tells_how_it_gets_on(lab: Lab) -> None:
    told: list[FleetProgress] = []
    running = asyncio.create_task(
        run_fleet(lab.url, await lab.token(PIXEL), profile_name=PIXEL, count=5, seed=1, on_progress=told.append)
    )  # fmt: skip
    await eventually(lambda: told and told[-1].connected == 5)
    devices = await lab.ports.store.devices(lab.enterprise, after="", limit=10)
    for device in devices.items:
        await lab.ended(await surely(functools.partial(issue_command, lab.ports, device.name, ENVELOPE.decode(b'{"type":"LOCK"}'))))
    await eventually(lambda: told[-1].executed == 5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert (5, {"succeeded": 5}, {"LOCK": 5}) == (told[-1].enrolled, told[-1].by_outcome, told[-1].by_type)
    assert 0 == told[-1].connected
    assert 5 == len(devices.items)


def test_no_fleet_has_the_phones_of_another() -> None:
    plans = [FleetPlan(profile=profile, count=50, seed=seed) for profile in PROFILES.values() for seed in (1, 2)]
    serials = [plan.serial(number) for plan in plans for number in range(1, plan.count + 1)]

    assert len(serials) == len(set(serials))
    assert serials == [plan.serial(number) for plan in plans for number in range(1, plan.count + 1)]
