"""The entries of a map that were used lately: what either engine remembers of rows, or of how they read."""

from collections.abc import Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The newest entries of a map, at least `most` of them: a young generation in which every entry starts, and the one before.

    Cheaper than a least-recently-used list, and without the order that two threads would have to agree on.
    """

    __slots__ = ("_most", "_old", "_young")

    def __init__(self, most: int) -> None:
        self._most = most
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """The entry, if it is still remembered."""
        found = self._young.get(key)
        return self._old.get(key) if found is None else found

    def put(self, entries: Mapping[K, V | None]) -> None:
        """Remember the entries that are not None; an older generation may be forgotten."""
        if not entries:
            return
        known = {key: value for key, value in entries.items() if value is not None} if None in entries.values() else entries
        self._young.update(known)  # type: ignore[arg-type]  # most often all of them, which costs no line of Python for each
        if len(self._young) >= self._most:
            self._old = self._young
            self._young = {}

    def renew(self, entries: Mapping[K, V | None]) -> None:
        """Those of the entries that are remembered are so with these values; nothing else is remembered or forgotten."""
        for generation in (self._young, self._old):
            generation.update({key: value for key, value in entries.items() if key in generation and value is not None})

    def forget(self, key: K) -> None:
        """The entry is not remembered."""
        self._old.pop(key, None)
        self._young.pop(key, None)

    def clear(self) -> None:
        self._old = {}
        self._young = {}
