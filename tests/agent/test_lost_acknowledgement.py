"""A phone executes, and the server that let it has lost the acknowledgement: the command runs once all the same (ADR 0016)."""

import pytest

from heliograph.agent.executor import Moment
from heliograph.domain.names import OperationName
from heliograph.domain.operation import Operation, State
from heliograph.service.ports import Decision, Facts, PutOperation, Sees
from tests.agent.lab import KillAt, Lab, executions


class Failover:
    """A checkpoint at which the server is back at a moment before the acknowledgement; then the agent goes on, or dies once."""

    def __init__(self, lab: Lab, moment: Moment, *, kill: bool) -> None:
        self.lab = lab
        self.moment = moment
        self.kill = KillAt(moment) if kill else None
        self.lost = 0

    async def __call__(self, moment: Moment, operation: str) -> None:
        """The acknowledgement is lost, if this is the moment."""
        if moment is self.moment and not self.lost:
            self.lost += 1
            await self._lose(OperationName.parse(operation))
        if self.kill is not None:
            await self.kill(moment, operation)

    async def _lose(self, name: OperationName) -> None:
        def rule(facts: Facts) -> Decision[None]:
            assert facts.operation is not None
            assert State.ACKNOWLEDGED is facts.operation.state
            return Decision(None, (PutOperation(before(facts.operation)),))

        await self.lab.ports.store.decide(Sees(device=name.device, create_ms=name.create_ms), rule)


def before(operation: Operation) -> Operation:
    """The operation as a backup has it that was made before its acknowledgement."""
    return Operation(
        device=operation.device,
        create_ms=operation.create_ms,
        type=operation.type,
        command=operation.command,
        duration=operation.duration,
        expires_us=operation.expires_us,
        deadline_us=operation.expires_us,
        timeline=operation.timeline[:1],
    )


@pytest.mark.parametrize("kill", [False, True], ids=["goes on", "dies and says hello"])
@pytest.mark.parametrize("moment", [Moment.EXECUTING, Moment.EXECUTED, Moment.RESULT])
async def test_a_command_whose_acknowledgement_the_server_lost_runs_once(lab: Lab, moment: Moment, kill: bool) -> None:  # noqa: FBT001
    failover = Failover(lab, moment, kill=kill)
    phone = await lab.phone("pixel8-a15-fully-managed", checkpoint=failover)
    if failover.kill is not None:
        failover.kill.runner = phone

    ended = await lab.ended(await lab.issue(phone, type="LOCK"))
    after = await lab.ended(await lab.issue(phone, type="LOCK"))

    assert (1, 1) == (failover.lost, executions(phone, after))
    assert executions(phone, ended) <= 1
    assert [State.SUCCEEDED] == [after.state]
    assert ["issued", "adopted"] == (await lab.story(ended))[:2]
