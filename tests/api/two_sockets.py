"""One app at two sockets, at one of which a lane is open: what is said at both must be the same."""

import contextlib
import itertools
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from heliograph.api.http.cycle import Cycle, Lane
from heliograph.asgi import Asgi
from heliograph.server import listening_socket, serving
from tests.api.live import Live
from tests.patience import PATIENCE_S

VARYING = (
    (re.compile(rb"operations/\d+"), b"operations/N"),
    (re.compile(rb'(Time": ?")[^"]+'), rb"\1T"),
    (re.compile(rb'(WithinMs":)\d+'), rb"\1N"),
)
"""Ids and times: a time on the second is shorter."""
LENGTH = re.compile(rb"(?<=content-length: )\d+")
LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def without_varying(heard: bytes) -> bytes:
    """The answers, without ids and times in their bodies, their lengths as if they had been so."""
    answers = b""
    while heard:
        head, end, rest = heard.partition(b"\r\n\r\n")
        said = LENGTH.search(head)
        if said is None or not rest or rest.startswith(b"HTTP/1."):  # a word in between, or an answer to HEAD
            answers, heard = answers + head + end, rest
            continue
        body, heard = rest[: int(said[0])], rest[int(said[0]) :]
        for varying, fixed in VARYING:
            body = varying.sub(fixed, body)
        answers += LENGTH.sub(b"%d" % len(body), head) + end + body
    return answers


@dataclass
class Taking:
    """A lane, and how many requests it took."""

    lane: Lane
    taken: list[bool] = field(default_factory=list)

    def __call__(self, cycle: Cycle) -> bool:
        """As the lane."""
        self.taken.append(self.lane(cycle))
        return self.taken[-1]

    @property
    def count(self) -> int:
        """Requests taken."""
        return sum(self.taken)


@dataclass
class Both:
    """The two sockets of one app, and a device with an operation that has ended and one that is open."""

    live: Live
    app: int
    hot: int
    taking: Taking
    device: str
    open: str = ""

    def said(self, port: int, data: bytes, cuts: Sequence[int] = (), *, half: bool = False) -> bytes:
        """All that is answered to the bytes, which come in pieces, until the server closes the connection."""
        heard = b""
        edges = [0, *sorted({cut % len(data) for cut in cuts}), len(data)]
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # an answer may be the last before all is sent
                for begin, end in itertools.pairwise(edges):
                    connection.sendall(data[begin:end])
                if not half:
                    connection.sendall(LAST)
            with contextlib.suppress(OSError):
                if half:
                    connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                while more := connection.recv(65_536):
                    heard += more
        return without_varying(heard)

    def compare(self, data: bytes, cuts: Sequence[int] = ()) -> bytes:
        """What both say, which is the same."""
        by_app = self.said(self.app, data, cuts)

        assert by_app == self.said(self.hot, data, cuts)
        return by_app


@contextlib.contextmanager
def two_sockets(live: Live, app: Asgi, lane: Lane, device: str) -> Iterator[Both]:
    """The app on two more sockets of the server."""
    taking = Taking(lane)

    async def drain() -> None:
        """Nothing stays open."""

    with listening_socket("127.0.0.1", 0) as without, listening_socket("127.0.0.1", 0) as with_lane:
        opened = contextlib.AsyncExitStack()
        live.run(opened.enter_async_context(serving(app, without, drain=drain)))
        live.run(opened.enter_async_context(serving(app, with_lane, drain=drain, lane=taking)))
        try:
            yield Both(live, without.getsockname()[1], with_lane.getsockname()[1], taking, device)
        finally:
            live.run(opened.aclose())
