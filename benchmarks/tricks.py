"""What the small tricks of docs/clever.md save: each beside its plain form, in CPU time of one thread, which a busy machine hardly changes.

`python -m benchmarks --only tricks`, or by itself: `python -m benchmarks.tricks`.
"""

import asyncio
import contextlib
import functools
import queue
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import uvloop

from benchmarks.figures import Figures, Number, Scale
from benchmarks.report import printed
from heliograph.api.http.query import USUAL, parse_query
from heliograph.api.http.request_body import read_body
from heliograph.asgi import Message, rest_of_body
from heliograph.domain.operation import Operation
from heliograph.service.rules import Decision, Facts
from tests.patience import PATIENCE_S

TURNS = 20_000
ROUNDS = 7
BODY: Message = {"type": "http.request", "body": b'{"type": "LOCK"}', "more_body": False}
HEADERS = [
    (b"host", b"127.0.0.1:8080"), (b"accept", b"*/*"), (b"accept-encoding", b"gzip"), (b"authorization", b"Bearer abc"),
    (b"user-agent", b"x"), (b"content-type", b"application/json"), (b"content-length", b"16"),
]  # fmt: skip
"""As Google's Python client sends them."""
UNUSUAL = frozenset({b"content-encoding", b"x-http-method-override", b"origin"})

Turn = Callable[[], Awaitable[object]]
Pair = tuple[Turn, Turn]


async def receive() -> Message:
    """A body that is here already."""
    return BODY


def at_once(turn: Callable[[], object]) -> Turn:
    """The turn as the others are: it waits for nothing."""

    async def done() -> None:
        turn()

    return done


def query() -> Pair:
    """A usual query string."""
    return at_once(lambda: USUAL[b"alt=json"]), at_once(lambda: parse_query(b"alt=json"))


def coroutines() -> Pair:
    """An app around an app."""

    async def app() -> None:
        """Answers nothing."""

    def hands_on() -> Awaitable[None]:
        return app()

    async def waits() -> None:
        return await app()

    return hands_on, waits


def headers() -> Pair:
    """Whether a header is unusual."""

    def loop() -> bool:
        for name, _value in HEADERS:  # noqa: SIM110 - the trick
            if name in UNUSUAL:
                return True
        return False

    return at_once(loop), at_once(lambda: any(name in UNUSUAL for name, _value in HEADERS))


def lanes() -> Pair:
    """How much waits in four lines."""
    lines: Any = tuple(map(_Line, range(4)))

    def unpacked() -> int:
        phones, callers, timers, alone = lines
        return int(phones.length + callers.length + timers.length + alone.length)

    return at_once(unpacked), at_once(lambda: sum(line.length for line in lines))


class _Line:
    """A line of so many."""

    __slots__ = ("length",)

    def __init__(self, length: int) -> None:
        self.length = length


def empty_queue() -> Pair:
    """A wait that ends with something to do."""
    bell: queue.SimpleQueue[None] = queue.SimpleQueue()

    def tried() -> None:
        bell.put(None)
        try:
            bell.get(timeout=1)
        except queue.Empty:
            return

    def suppressed() -> None:
        bell.put(None)
        with contextlib.suppress(queue.Empty):
            bell.get(timeout=1)

    return at_once(tried), at_once(suppressed)


def body() -> Pair:
    """A body that came with its head."""

    async def timed() -> bytes | None:
        async with asyncio.timeout(30):
            return await rest_of_body(await receive(), receive, max_bytes=1_000)

    return functools.partial(read_body, receive, max_bytes=1_000, timeout_s=30), timed


def timer() -> Pair:
    """A frame that is sent in time."""
    loop = asyncio.get_running_loop()

    async def own() -> None:
        sender = asyncio.current_task()
        handle = loop.call_later(30, print, sender)
        try:
            await receive()
        finally:
            handle.cancel()

    async def timeout() -> None:
        async with asyncio.timeout(30):
            await receive()

    return own, timeout


def annotations() -> Pair:
    """A rule that is made for a call."""
    unread: dict[str, Callable[[], object]] = {}
    read: dict[str, Any] = {"Decision": Decision, "Facts": Facts, "Operation": Operation}
    rule = "def make():\n    def rule(facts: Facts) -> Decision[Operation]: ...\n    return rule\n"
    exec(compile(f"from __future__ import annotations\n{rule}", "unread", "exec"), unread)  # noqa: S102 - ours
    exec(compile(rule, "read", "exec", dont_inherit=True), read)  # noqa: S102 - ours
    return at_once(unread["make"]), at_once(read["make"])


TRICKS: Mapping[str, Callable[[], Pair]] = {
    "a usual query string, parsed beforehand": query,
    "an Awaitable handed on, not a coroutine around it": coroutines,
    "a loop over headers, not a generator": headers,
    "unpacking the lanes, not a generator": lanes,
    "try, not contextlib.suppress": empty_queue,
    "a body that is here: no task and no timer": body,
    "a timer of its own, not asyncio.timeout": timer,
    "annotations of rules that are not evaluated": annotations,
}


async def _cpu_us(turn: Turn, turns: int) -> float:
    began_s = time.thread_time()
    for _ in range(turns):
        await turn()
    return (time.thread_time() - began_s) * 1_000_000 / turns


async def _saved_us(make: Callable[[], Pair], turns: int, rounds: int) -> float:
    trick, plain = make()
    best = [min([await _cpu_us(turn, turns) for _ in range(rounds)]) for turn in (trick, plain)]
    return best[1] - best[0]


async def _all_us(turns: int, rounds: int) -> dict[str, float]:
    return {name: await _saved_us(make, turns, rounds) for name, make in TRICKS.items()}


def _import_ms(module: str) -> float:
    """CPU time that importing the module adds to a Python that has what the command line needs anyway."""
    first = "import asyncio, http.client, json, click"
    timed = f"{first}, time; began = time.process_time(); import {module}; print((time.process_time() - began) * 1_000)"
    return min(
        float(subprocess.run([sys.executable, "-c", timed], capture_output=True, check=True, timeout=PATIENCE_S).stdout) for _ in range(3)
    )


def measure_tricks(scale: Scale) -> Figures:
    """Microseconds of CPU that each trick saves where it stands; the least of several rounds, with and without."""
    turns, rounds = (TURNS, ROUNDS) if scale.rounds > 1 else (TURNS // 20, 2)
    saved = uvloop.run(_all_us(turns, rounds))
    return Figures(
        numbers=[
            *(Number(f"{name}: saves", [round(us, 3)], "µs") for name, us in saved.items()),
            Number("aiohttp, imported only by the commands that need it: saves", [round(_import_ms("aiohttp"), 1)], "ms"),
        ]
    )


if __name__ == "__main__":
    print(printed(measure_tricks(Scale())))
