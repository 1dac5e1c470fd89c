"""Agents under test: a program that is started for each case, or one that a person enrols once."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

STARTED_AGAIN_AFTER_S = 0.2
"""Android starts a service again that died; a program that ends at once must not be started a thousand times a second."""
LOG_END_BYTES = 2_000
WEB_SOCKET, LONG_POLL = "websocket", "long-poll"
TRANSPORTS = (WEB_SOCKET, LONG_POLL)


class Subject(Protocol):
    """One phone with its agent."""

    can_be_killed: bool
    """Whether it can be ended without a word, and started again."""

    async def start(self) -> None:
        """It runs, with what it had on its disk."""

    async def kill(self) -> None:
        """It is dead, as by kill -9."""

    async def stop(self) -> None:
        """Nothing of it runs."""

    def effects(self) -> int | None:
        """How often it began to execute a command; None: it does not say."""

    def last_words(self) -> str:
        """What may explain that it is silent."""


class Program:
    """An agent that is a program: killed with SIGKILL, started again with the same folder, also when it ends by itself with an error."""

    can_be_killed = True

    def __init__(self, command: Sequence[str], *, server: str, token: str, folder: Path, transport: str) -> None:
        """`{server}`, `{token}`, `{folder}`, `{transport}` and `{effects}` in the command are replaced."""
        folder.mkdir(parents=True)
        self._effects = folder / "effects"
        self._log = folder / "log"
        values = {"server": server, "token": token, "folder": str(folder), "transport": transport, "effects": str(self._effects)}
        self._environment = {f"HELIOGRAPH_{name.upper()}": value for name, value in values.items()}
        self._command = [_filled(word, values) for word in command]
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """It runs.  Raises: OSError: there is no such program."""
        await self._begin()
        self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def kill(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # its children, too: a shell that was named, a JVM's launcher
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    async def stop(self) -> None:
        await self.kill()

    def effects(self) -> int | None:
        try:
            return len(self._effects.read_text(encoding="utf-8").splitlines())
        except FileNotFoundError:
            return None

    def last_words(self) -> str:
        written = self._log.read_bytes() if self._log.exists() else b""
        return written[-LOG_END_BYTES:].decode(errors="replace").strip()

    async def _begin(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **self._environment},
                start_new_session=True,
            )  # fmt: skip

    async def _keep(self) -> None:
        while self._process is not None and await self._process.wait() != 0:
            await asyncio.sleep(STARTED_AGAIN_AFTER_S)
            await self._begin()


class Asked:
    """An agent that a person starts, and kills if asked to; the same one for every case."""

    def __init__(self, ask: Callable[[str], Awaitable[None]] | None, *, invitation: str) -> None:
        """`ask(text)` returns when the person has done it; None: there is no one to ask. `invitation`: how the agent enrols."""
        self._ask = ask
        self._invitation = invitation
        self._runs = False
        self._begun = False
        self.can_be_killed = ask is not None

    async def start(self) -> None:
        if self._ask is not None and not self._runs:
            await self._ask("Start the agent again." if self._begun else self._invitation)
        self._runs = self._begun = True

    async def kill(self) -> None:
        if self._ask is not None and self._runs:
            await self._ask("Kill the agent's process (am force-stop, kill -9), and do not start it yet.")
        self._runs = False

    async def stop(self) -> None:
        """It is its person's."""

    def effects(self) -> int | None:
        return None

    def last_words(self) -> str:
        return ""


def _filled(word: str, values: dict[str, str]) -> str:
    """The word with its names replaced; other braces stay."""
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", value)
    return word
