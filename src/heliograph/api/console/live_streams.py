"""Where the readers of live streams (live.py) are, and how many there are: of one server, and of one browser."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Final

from heliograph.domain.errors import Overloaded
from heliograph.protojson.errors import ResourceExhausted
from heliograph.service.changes import Changes

STREAMS_MOST: Final = 500
"""Of one server. A page whose browser gets none asks again each ten seconds."""
OF_ONE_MOST: Final = 4
"""Of one session, or of one address if no one signs in: a browser needs one, and one more while it changes from one to the next."""


class TooManyStreams(ResourceExhausted):
    """This browser has as many live streams as one may have: close a window."""

    reason = "TOO_MANY_STREAMS"


def cursor_of(life: str, changes: Changes) -> str:
    """Where a reader is who knows all that has changed so far; by `life` this server's numbers differ from those of others."""
    return f"{life}.{changes.last}"


class LiveStreams:
    """The streams of one server, bounded."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def require_room(self, owner: str) -> None:
        """Raises: TooManyStreams, Overloaded."""
        if self._open[owner] >= OF_ONE_MOST:
            raise TooManyStreams
        if self._open.total() >= STREAMS_MOST:
            raise Overloaded

    @contextlib.contextmanager
    def one_of(self, owner: str) -> Iterator[None]:
        """One more is open until the block ends."""
        self._open[owner] += 1
        try:
            yield
        finally:
            self._open[owner] -= 1
            if not self._open[owner]:
                del self._open[owner]
