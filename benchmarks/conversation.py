"""A client process on the load's core, spoken to by JSON lines: one request, one answer."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import msgspec

from benchmarks.figures import percentile
from benchmarks.servers import LOAD_CORE
from tests.hung import Hung
from tests.running import Running

ANSWER_S = 180.0
"""A client that says nothing for so long is ended: a benchmark must end too."""


class Conversation:
    """`python -m MODULE` on the load's core."""

    def __init__(self, module: str) -> None:
        self._command = ["taskset", "-c", LOAD_CORE, sys.executable, "-m", module]

    def __enter__(self) -> Self:
        self._process = Running(self._command, within_s=ANSWER_S, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def tell(self, request: object) -> None:
        """The request is on its way."""
        assert self._process.stdin is not None  # noqa: S101 - asked for
        self._process.stdin.write(f"{msgspec.json.encode(request).decode()}\n")
        self._process.stdin.flush()

    def hear(self) -> Any:  # noqa: ANN401 - what the module answers
        """The next answer.  Raises: RuntimeError: the process ended instead, or was ended because it said nothing."""
        try:
            line = self._process.line()
        except Hung as hung:
            raise RuntimeError(str(hung)) from hung
        if not line:
            message = f"{' '.join(self._command)} ended"
            raise RuntimeError(message)
        return msgspec.json.decode(line)

    def ask(self, request: object) -> Any:  # noqa: ANN401 - what the module answers
        """The answer.  Raises: RuntimeError: the process ended instead."""
        self.tell(request)
        return self.hear()


async def requests() -> AsyncIterator[Any]:
    """In the client: the requests on standard input, until its end."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        yield msgspec.json.decode(line)


async def answer_runs(
    asked: AsyncIterator[Any], run: Callable[[float], Awaitable[list[float]]], *, refused: Callable[[], int] = int
) -> None:
    """In the client: the first request was answered by `{}`; each further one is a run of this many seconds; its times in ms are returned.

    `refused`: how many answers so far were 503, to be asked again.
    """
    print("{}", flush=True)
    async for request in asked:
        cpu_s, began, refused_before = time.process_time(), time.monotonic(), refused()
        times = sorted(await run(request["seconds"]))
        told = {"cycles": len(times), "seconds": time.monotonic() - began, "cpu_s": time.process_time() - cpu_s}
        told["refused"] = refused() - refused_before
        print(msgspec.json.encode({**told, "p50_ms": percentile(times, 0.5), "p99_ms": percentile(times, 0.99)}).decode(), flush=True)
