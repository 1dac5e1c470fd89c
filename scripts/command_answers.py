"""What a real sandbox answers to the example of a command type: the operation as issued, and as done."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from heliograph.agent.profiles import PROFILES
from heliograph.commands import COMMANDS
from heliograph.domain.command import CommandType
from scripts.real_session import Conversation, Session

STEPS_MOST: Final = 100
"""A phone needs a few: its user answers, it has restarted, it has downloaded."""
_ESIM: Final = {"addEsimParams": {"activationCode": "LPA:1$smdp.example.com$FLEET-PLAN", "activationState": "ACTIVATED"}}
BEFORE: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "REMOVE_ESIM": ({"type": "ADD_ESIM", **_ESIM},),
    "STOP_LOST_MODE": ({"type": "START_LOST_MODE", **COMMANDS["START_LOST_MODE"].example},),
}
"""Commands that the phone has carried out before, for an example that would change nothing otherwise."""


class Answers(NamedTuple):
    """Of one command."""

    phone: str
    issued: Any
    done: Any


def answers_to(row: CommandType, session: Session) -> Answers:
    """What became of the row's example on the first kind of phone on which it succeeds; if there is none, on the last that has the type."""
    found = None
    for profile in _fitting(row):
        with session.world(profile) as world:
            for command in BEFORE.get(row.name, ()):
                _ = _followed(world, profile, command)
                world.ask("POST", "/sandbox/v1/clock:advance", {"duration": "120s"})
            found = _followed(world, profile, {"type": row.name, **row.example})
        if "response" in found.done:
            return found
    if found is None:
        raise LookupError(f"no profile of agent/profiles.py has {row.name}")
    return found


def _fitting(row: CommandType) -> Iterator[str]:
    for name, profile in PROFILES.items():
        lowest = row.requires.lowest_level(profile.model.management_kind)
        if lowest is not None and lowest <= profile.model.api_level:
            yield name


def _followed(world: Conversation, phone: str, command: Mapping[str, Any]) -> Answers:
    issued = world.ask("POST", f"/v1/enterprises/sandbox/devices/{phone}:issueCommand", command)
    done = issued
    for _ in range(STEPS_MOST):
        done = world.ask("GET", f"/v1/{issued['name']}")
        if done.get("done") or "error" in issued:
            break
        world.ask("POST", "/sandbox/v1/clock:next")
    return Answers(phone, issued, done)
