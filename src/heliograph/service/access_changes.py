"""How servers learn that a key, a role or a binding was changed, so that a revoked caller is refused everywhere within a second.

Two ways, as for commands (server/cluster_doorbell.py): a word to the other servers, which may get lost, and a look at the one row that
every such change writes. A server that cannot look forgets whom it knows: it asks the database about each caller then.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn, Protocol, TypeVar

from heliograph.domain.access import ACCESS, AccessState
from heliograph.protojson.errors import HeliographError

R = TypeVar("R")

LOOK_EVERY_S = 0.5
"""Half of the second within which a revoked key must be refused: the other half is for a slow database."""


class Records(Protocol):
    """The part of a store that is looked at."""

    async def record(self, kind: type[R], name: tuple[Any, ...]) -> R | None:
        """As ports.Store."""


class AccessChanges:
    """Of one server: who wants to know, and how the others learn."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []
        self.say: Callable[[], object] = lambda: None
        """Passes the news to the other servers, if there may be some."""

    def listen(self, listener: Callable[[], None]) -> None:
        """`listener()` is called on the event loop after every change, here or at another server."""
        self._listeners.append(listener)

    def changed(self) -> None:
        """Something was changed here, and is durable."""
        self.heard()
        self.say()

    def heard(self) -> None:
        """Something was changed somewhere."""
        for listener in self._listeners:
            listener()


async def follow_access_changes(store: Records, changes: AccessChanges, *, every_s: float = LOOK_EVERY_S) -> NoReturn:
    """Every change that any server made is heard here, about half a second later at most."""
    known = -1
    while True:
        await asyncio.sleep(every_s)
        try:
            state = await store.record(AccessState, ACCESS)
        except HeliographError:
            changes.heard()
            continue
        found = 0 if state is None else state.changes
        if found != known:
            known = found
            changes.heard()
