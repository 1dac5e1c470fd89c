"""`/sandbox/v1/clock`: see and move a world's time (docs/sandbox.md)."""

from starlette.requests import Request

from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.protojson.times import NS_PER_S, format_timestamp, parse_duration_ns, parse_timestamp_us
from heliograph.sandbox.answers import ClockView, NextDue
from heliograph.sandbox.bodies import Handler, body_of
from heliograph.sandbox.messages import Advance, Setting
from heliograph.sandbox.steering_route import CHANGES, SteeringRoute
from heliograph.sandbox.world import World

FURTHEST_JUMP_NS = 100 * 365 * 86_400 * NS_PER_S
"""A century; further, times would leave what RFC 3339 can write."""


async def _get(world: World, _request: Request) -> object:
    return _view(world)


async def _advance(world: World, request: Request) -> object:
    wanted = await body_of(request, Advance)
    duration_ns = parse_duration_ns(wanted.duration) if wanted.duration else 0
    if not 0 < duration_ns <= FURTHEST_JUMP_NS:
        raise InvalidArgument(
            violations=[Violation("duration", 'duration must be positive and at most a century, as in {"duration": "43200s"}.')]
        )
    await world.advance(duration_ns // 1_000)
    return _view(world)


async def _set(world: World, request: Request) -> object:
    wanted = await body_of(request, Setting)
    if not wanted.time:
        raise InvalidArgument(violations=[Violation("time", 'time is required, as in {"time": "2030-01-01T00:00:00Z"}.')])
    target_us = parse_timestamp_us(wanted.time)
    async with world.walking() as walk:
        now_us = world.clock.now_us()
        if target_us < now_us or target_us - now_us > FURTHEST_JUMP_NS // 1_000:
            description = (
                f"time must be from {format_timestamp(now_us)} (now) to a century later: a clock never goes back. For an earlier"
                ' time make a world that begins there: POST /sandbox/v1/worlds {"now": …}.'
            )
            raise InvalidArgument(violations=[Violation("time", description)])
        await walk.to(target_us)
    return _view(world)


async def _next(world: World, _request: Request) -> object:
    async with world.walking() as walk:
        due = await walk.to_next()
    return {**_view(world), "due": [{"kind": one.kind, **({"name": one.name} if one.name else {})} for one in due]}


async def _freeze(world: World, _request: Request) -> object:
    async with world.change():
        world.clock.freeze()
    return _view(world)


async def _run(world: World, _request: Request) -> object:
    async with world.change():
        world.clock.run()
    return _view(world)


def _view(world: World) -> dict[str, object]:
    return {"now": format_timestamp(world.clock.now_us()), "frozen": world.clock.frozen}


_CLOCK = "/sandbox/v1/clock"
CLOCK_ROUTES: tuple[SteeringRoute[Handler], ...] = (
    SteeringRoute(id="clock.get", http_method="GET", path=_CLOCK, handler=_get, answer=ClockView, summary="The time; whether it stands."),
    SteeringRoute(
        id="clock.freeze", http_method="POST", path=f"{_CLOCK}:freeze", handler=_freeze,
        summary="It stands until clock:run.", answer=ClockView, errors=CHANGES,
    ),
    SteeringRoute(
        id="clock.set", http_method="POST", path=f"{_CLOCK}:set", handler=_set, answer=ClockView, body=Setting, required=("time",),
        summary="It is this time, and what was due until then has happened in its order. It never goes back.",
        errors=CHANGES, example={"time": "2030-01-01T06:00:00Z"},
    ),
    SteeringRoute(
        id="clock.advance", http_method="POST", path=f"{_CLOCK}:advance", handler=_advance, answer=ClockView, body=Advance,
        summary="It is so much later, and what was due until then has happened in its order.", required=("duration",),
        errors=CHANGES, example={"duration": "43200s"},
    ),
    SteeringRoute(
        id="clock.next", http_method="POST", path=f"{_CLOCK}:next", handler=_next, answer=NextDue, errors=CHANGES,
        summary="It goes to the next thing that is due, and says what that was.",
    ),
    SteeringRoute(
        id="clock.run", http_method="POST", path=f"{_CLOCK}:run", handler=_run, answer=ClockView, errors=CHANGES,
        summary="It goes by itself from where it stands.",
    ),
)  # fmt: skip
