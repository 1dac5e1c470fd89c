"""What happens on a scene, step by step, so that a broken promise must show."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from heliograph.history.events import FaultKind
from tests.torture.mutants.scene import Scene

TOGETHER = 24
"""Requests that are sent at once, so that some are decided in one batch."""

CUTS = 6


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One play, and what it needs."""

    play: Callable[[Scene], Awaitable[None]]
    faults: tuple[FaultKind, ...] = ()
    """What the play is made for."""
    conditions: tuple[str, ...] = ()
    """How its server is, with and without a mutant."""
    long: bool = False
    """Whether it takes many seconds."""


async def _killed_after_an_answer(scene: Scene) -> None:
    puppet = await scene.puppet()
    await scene.issue(puppet.device)
    await puppet.obey_all()
    waiting = [asyncio.create_task(scene.issue(puppet.device)) for _ in range(2)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    in_flight = asyncio.create_task(scene.issue(puppet.device))
    await asyncio.sleep(0)
    await scene.kill()
    await asyncio.gather(*waiting, in_flight)


async def _acknowledged_too_late(scene: Scene) -> None:
    puppet = await scene.puppet()
    await scene.issue(puppet.device)
    await puppet.obey_all()
    await scene.issue(puppet.device, seconds=0.3)
    offered = await puppet.offer()
    await asyncio.sleep(0.4)
    await puppet.obey(offered)


async def _acknowledged_by_two(scene: Scene) -> None:
    puppet = await scene.puppet()
    await scene.issue(puppet.device)
    operation = await puppet.offer()
    await puppet.acknowledge(operation)
    clone = puppet.clone()
    await clone.connect()
    await clone.obey_all()
    puppet.begin(operation)
    await puppet.end(operation)


async def _cancelled_after_its_ack(scene: Scene) -> None:
    puppet = await scene.puppet()
    operations = [await scene.issue(puppet.device) for _ in range(2)]
    await puppet.obey(await puppet.offer())
    await puppet.acknowledge(await puppet.offer())
    await scene.cancel(operations[1])
    puppet.begin(operations[1])
    await puppet.end(operations[1])


async def _cancelled_in_time(scene: Scene) -> None:
    puppet = await scene.puppet()
    operations = [await scene.issue(puppet.device) for _ in range(2)]
    await scene.cancel(operations[1])
    await puppet.obey_all()


async def _reported_otherwise_later(scene: Scene) -> None:
    puppet = await scene.puppet()
    operation = await scene.issue(puppet.device)
    await puppet.acknowledge(await puppet.offer())
    puppet.begin(operation)
    await puppet.end(operation)
    await scene.get(operation)
    await puppet.report(operation, state="FAILED", errorCode="UNKNOWN")
    await scene.get(operation)


async def _deleted(scene: Scene) -> None:
    puppet, other = await scene.puppet(), await scene.puppet()
    await scene.issue(other.device)
    await scene.delete(puppet.device)
    await puppet.connect()
    await puppet.offer()


async def _ended_before_a_restart(scene: Scene) -> None:
    puppet = await scene.puppet()
    operation = await scene.issue(puppet.device)
    await puppet.obey_all()
    await scene.get(operation)
    await scene.kill()
    if offered := await puppet.offer():
        await puppet.obey(offered)


async def _issued_all_at_once(scene: Scene) -> None:
    puppet = await scene.puppet()
    await asyncio.gather(*(scene.issue(puppet.device) for _ in range(TOGETHER)))


async def _issued_beside_failures(scene: Scene) -> None:
    puppets = [await scene.puppet() for _ in range(3)]
    for _ in range(3):
        failures = [puppet.misname() for puppet in puppets for _ in range(6)]
        await asyncio.gather(*failures, *(scene.issue(puppets[0].device) for _ in range(TOGETHER // 3)))


async def _listed_by_pages(scene: Scene) -> None:
    puppet = await scene.puppet()
    for _ in range(5):
        await scene.issue(puppet.device)
    await scene.list_all(puppet.device, page_size=2)


async def _restarted_while_one_waits(scene: Scene) -> None:
    puppet = await scene.puppet()
    await scene.issue(puppet.device)
    await puppet.obey_all()
    waiting = await scene.issue(puppet.device)
    await scene.kill()
    await scene.get(waiting)


async def _one_waits_while_another_runs(scene: Scene) -> None:
    puppet = await scene.puppet()
    first = await scene.issue(puppet.device)
    await scene.issue(puppet.device)
    await puppet.acknowledge(await puppet.offer())
    puppet.begin(first)
    if second := await puppet.offer():
        await puppet.obey(second)
    await puppet.end(first)


async def _power_cut(scene: Scene) -> None:
    puppet = await scene.puppet()
    await scene.issue(puppet.device)
    await puppet.obey_all()
    # What a disk keeps of what was not synced is a matter of chance; a server that has lost the device takes nothing more.
    for _ in range(CUTS):
        await scene.cut_power()
        if not await scene.issue(puppet.device):
            break


async def _one_command(scene: Scene) -> None:
    phone = await scene.agent()
    await scene.issue(phone.device)


async def _one_reboot(scene: Scene) -> None:
    phone = await scene.agent()
    await scene.issue(phone.device, "REBOOT")


KILLED = Scenario(play=_killed_after_an_answer, faults=(FaultKind.SERVER_KILLED,))
TOO_LATE = Scenario(play=_acknowledged_too_late, conditions=("timers_sleep",))
BY_TWO = Scenario(play=_acknowledged_by_two)
CANCELLED = Scenario(play=_cancelled_after_its_ack)
TAKEN_BACK = Scenario(play=_cancelled_in_time)
LATE_REPORT = Scenario(play=_reported_otherwise_later)
DELETED = Scenario(play=_deleted)
RESTARTED = Scenario(play=_ended_before_a_restart)
AT_ONCE = Scenario(play=_issued_all_at_once)
BESIDE_FAILURES = Scenario(play=_issued_beside_failures)
BY_PAGES = Scenario(play=_listed_by_pages)
WAITING = Scenario(play=_restarted_while_one_waits)
RUNNING = Scenario(play=_one_waits_while_another_runs)
POWER = Scenario(play=_power_cut, faults=(FaultKind.POWER_CUT,), long=True)
ONE_COMMAND = Scenario(play=_one_command)
ONE_REBOOT = Scenario(play=_one_reboot)
