"""Who follows which enterprise's events on this server, so that a commit wakes them."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterator

from heliograph.domain.names import EnterpriseName
from heliograph.protojson.errors import HeliographError


class Followers:
    """The followers, each with a bell that rings when there may be new events. Event loop only."""

    def __init__(self) -> None:
        self._bells: defaultdict[EnterpriseName, set[asyncio.Event]] = defaultdict(set)
        self.stopped = False
        """The server ends: no one follows any more."""
        self.because: HeliographError | None = None
        """The error that followers end with, if what they have read is void."""

    def __len__(self) -> int:
        """How many follow."""
        return sum(map(len, self._bells.values()))

    @contextlib.contextmanager
    def following(self, name: EnterpriseName) -> Iterator[asyncio.Event]:
        """A bell that is set whenever the enterprise has new events, or the server stops."""
        bell = asyncio.Event()
        self._bells[name].add(bell)
        try:
            yield bell
        finally:
            self._bells[name].discard(bell)
            if not self._bells[name]:
                del self._bells[name]

    def heard(self, names: Collection[EnterpriseName]) -> None:
        """These enterprises have new events."""
        for name in names:
            for bell in self._bells.get(name, ()):
                bell.set()

    def stop(self, because: HeliographError | None = None) -> None:
        """Everyone stops following, after one more page of what there is; the first `because` counts."""
        if not self.stopped:
            self.because = because
        self.stopped = True
        for bells in self._bells.values():
            for bell in bells:
                bell.set()
