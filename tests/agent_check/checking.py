"""How tests run the cases on an agent that is a program."""

import sys
from collections.abc import Sequence
from pathlib import Path

from heliograph.agent_check.run import Outcome, Plan, Result, check_program
from heliograph.agent_check.stand import stand_in
from heliograph.agent_check.trial import Pace

TESTS = Path(__file__).parent
EXAMPLE = TESTS.parents[1] / "examples" / "minimal_agent.py"
QUICK_S = 2.0
"""The first pause after 401, of agents that can be hurried."""
PACE = Pace(patience_s=90, quiet_s=0.7, unknown_first_s=QUICK_S)


async def results_of(command: Sequence[str], folder: Path, plan: Plan) -> list[Result]:
    """How it went with agents that are this program."""
    async with stand_in(folder / "server") as stand:
        return [result async for result in check_program(stand, command, folder / "phones", plan)]


def broken(results: Sequence[Result]) -> dict[str, str]:
    """What was found."""
    return {f"{result.case.name} ({result.transport})": result.came for result in results if result.outcome is Outcome.BROKEN}


def wrong(fault: str) -> tuple[str, ...]:
    """The agent with this fault."""
    return sys.executable, str(TESTS / "wrong_agent.py"), fault, "{server}", "{token}", "{folder}"
