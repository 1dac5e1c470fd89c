"""Bytes on a socket, as no HTTP client would send them, and what comes back."""

import contextlib
import json
import select
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from tests.patience import PATIENCE_S


class Answer(NamedTuple):
    """One answer of a connection."""

    status: int
    fields: dict[bytes, bytes]
    body: bytes

    @property
    def error(self) -> Any:  # noqa: ANN401 - any JSON
        """The error in Google's form."""
        return json.loads(self.body)["error"]


class Raw:
    """A connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        """The bytes are with the kernel. A server that has closed meanwhile is none of a failure."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(data)

    def heard(self, *, within_s: float) -> bool:
        """Whether the server has said something, or closed."""
        return bool(select.select([self._socket], [], [], within_s)[0])

    def answer(self) -> Answer:
        """The next answer, whole.  Raises: ConnectionError: the connection was closed without one."""
        line = self._answers.readline()
        if not line:
            raise ConnectionError("closed")
        fields = dict(self._fields())
        return Answer(int(line.split()[1]), fields, self._answers.read(int(fields.get(b"content-length", b"0"))))

    def answers(self) -> list[Answer]:
        """All answers until the connection is closed."""
        found = []
        try:
            while True:
                found.append(self.answer())
        except ConnectionError:
            return found

    def _fields(self) -> Iterator[tuple[bytes, bytes]]:
        for line in iter(lambda: self._answers.readline().rstrip(), b""):
            name, _, value = line.partition(b":")
            yield name.lower(), value.strip()


def answers_to(port: int, data: bytes) -> list[Answer]:
    """All answers to these bytes, until the server closes the connection."""
    with Raw(port) as connection:
        connection.send(data)
        return connection.answers()
