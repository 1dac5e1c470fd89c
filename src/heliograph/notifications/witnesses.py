"""Witnesses of the audit trail: they keep its checkpoints outside of the database, so that a trail that was cut or rolled back is found."""

import asyncio
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from yarl import URL

from heliograph.domain.audit import Checkpoint
from heliograph.domain.web_address import HTTP
from heliograph.machine import CLOSE_ON_EXEC, NOT_A_LINK
from heliograph.notifications.push import post, require_acknowledged, require_endpoint
from heliograph.notifications.sessions import Sessions
from heliograph.service.audit import Witness, WitnessUnreachable
from heliograph.service.outbox import NotPublished

TIMEOUT_S = 10.0
MODE = 0o600


def witnesses_at(places: Iterable[str]) -> Sequence[Witness]:
    """The witnesses at these places: each a file, or an http or https URL.  Raises: InvalidArgument."""
    return [_witness_at(place) for place in places]


def _witness_at(place: str) -> Witness:
    if place.partition("://")[0] in HTTP and "://" in place:
        return HttpWitness(place)
    return FileWitness(Path(place))


class FileWitness:
    """A file, best on another machine's disk or a medium that takes no changes; each checkpoint is a line of JSON at its end."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def witness(self, checkpoint: Checkpoint) -> None:
        """The line is on the disk.  Raises: WitnessUnreachable."""
        try:
            await asyncio.to_thread(self._append, msgspec.json.encode(checkpoint) + b"\n")
        except OSError as error:
            raise WitnessUnreachable(f"The witness {self._path} took no checkpoint: {error.strerror or error}.") from error

    def _append(self, line: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | CLOSE_ON_EXEC | NOT_A_LINK
        with os.fdopen(os.open(self._path, flags, MODE), "ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    async def close(self) -> None:
        """There is nothing to close."""


class HttpWitness:
    """An address that gets each checkpoint as the JSON body of a POST. Its URL may hold a token, so texts show only its host."""

    def __init__(self, url: str) -> None:
        """Raises: InvalidArgument: not an absolute http or https URL."""
        require_endpoint(url)
        self._url = URL(url)
        self._sessions = Sessions(None, timeout_s=TIMEOUT_S)

    async def witness(self, checkpoint: Checkpoint) -> None:
        """The address has acknowledged the checkpoint.  Raises: WitnessUnreachable."""
        try:
            require_acknowledged(await post(self._sessions, self._url, msgspec.json.encode(checkpoint)))
        except NotPublished as error:
            raise WitnessUnreachable(f"The witness took no checkpoint: {error}.") from error

    async def close(self) -> None:
        await self._sessions.close()
