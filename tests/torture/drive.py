"""A folder as its drive holds it: what was synced is there after a power cut; of what was not, some, all or nothing, also in part.

The files themselves show what the operating system's cache shows. The drive beside them knows what a power cut would leave:

- A write that no sync of its file followed may be kept, lost, torn (its first bytes only), or have grown the file with zeros.
- Of several such writes any subset may be kept: there is no promise of an order between two syncs. Of two writes to one place the later
  one wins, for the cache holds one version of each page.
- A new name, a removed one and a renamed one count only after a sync of their folder; until then each may be there or not.
"""

import random
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

TRAIL_MOST = 2_000
TORN_BYTES = (1, 512, 4_096)
"""A torn write ends after a multiple of one of these."""


class PowerCut(Exception):
    """The power is off."""


class Written(NamedTuple):
    """Bytes that a file was given."""

    offset: int
    data: bytes


class Truncated(NamedTuple):
    """The size that a file was given."""

    size: int


class Grown(NamedTuple):
    """The size that a file has at least, whatever stands in it."""

    size: int


Change = Written | Truncated | Grown


@dataclass(eq=False)
class Content:
    """A file's content: what stands on the platter, and in order what was done to it since."""

    platter: bytearray = field(default_factory=bytearray)
    unsynced: list[Change] = field(default_factory=list)

    def sync(self) -> None:
        """All of it stands on the platter."""
        self.platter = _applied(self.platter, self.unsynced)
        self.unsynced = []

    def cached(self) -> bytes:
        """What the operating system shows of it."""
        return bytes(_applied(bytearray(self.platter), self.unsynced))

    def become(self, cached: bytes) -> None:
        """The cache shows this: what is new of it was written at its end, or in place of all."""
        before = self.cached()
        if cached.startswith(before):
            if len(cached) > len(before):
                self.unsynced.append(Written(len(before), cached[len(before) :]))
        else:
            self.unsynced += [Truncated(0), Written(0, cached)]

    def survivor(self, chance: random.Random) -> bytes:
        """What a power cut leaves of it."""
        kept = chance.choice((0.0, 0.5, 0.9, 1.0))
        fates = [survived for change in self.unsynced if (survived := _fate(change, kept, chance)) is not None]
        return bytes(_applied(bytearray(self.platter), fates))


@dataclass(eq=False)
class Name:
    """A name in the folder: what it stands for now, and on the platter."""

    now: Content | None = None
    platter: Content | None = None


class Drive:
    """One folder's drive. Every change is a step, and at one of them the power goes: whatever is done afterwards is refused.

    Steps do not overlap: the caller takes care of that, with `lock`.
    """

    def __init__(self, folder: Path, *, cut_at: int | None = None, among: str = "", full: Callable[[], bool] | None = None) -> None:
        """The power goes at the step number `cut_at` (None: never), counted from 1 and only `among` those of this name (empty: all).

        While `full()`, no file can grow.
        """
        self.folder = folder
        self.dead = False
        self.full = full or (lambda: False)
        self.on_cut: Callable[[], None] = lambda: None
        """Called when the power goes; nobody else's step goes on meanwhile, though reads may."""
        self.trail: deque[str] = deque(maxlen=TRAIL_MOST)
        """The last steps, by name."""
        self._cut_at = cut_at
        self._among = among
        self._counted = 0
        self.lock = threading.RLock()
        self._names: dict[str, Name] = {}
        for path in folder.iterdir():
            content = Content(bytearray(path.read_bytes()))
            self._names[path.name] = Name(content, content)

    def step(self, what: str) -> None:
        """The next change may begin.  Raises: PowerCut, when the power went before it, or just now."""
        self.require_power()
        self.trail.append(what)
        self._counted += self._among in {"", what}
        if self._counted == self._cut_at:
            # First what the cut leaves, then the refusals: a process that reads meanwhile must not end of them before all is left.
            self.on_cut()
            self.dead = True
            raise PowerCut

    def cut_after(self, steps: int) -> None:
        """The power goes at the step of this number from now."""
        with self.lock:
            self._cut_at = self._counted + steps

    def require_power(self) -> None:
        """Raises: PowerCut."""
        if self.dead:
            raise PowerCut

    def size(self, name: str) -> int:
        """The file's size, as the cache shows it."""
        return (self.folder / name).stat().st_size

    @property
    def names(self) -> set[str]:
        """The names that were ever there."""
        return set(self._names)

    def content(self, name: str) -> Content:
        """The content of the file with this name, made where there is none."""
        entry = self._names.setdefault(name, Name())
        if entry.now is None:
            entry.now = Content()
        return entry.now

    def wrote(self, name: str, offset: int, data: bytes) -> None:
        """These bytes are in the cache."""
        self.content(name).unsynced.append(Written(offset, data))

    def truncated(self, name: str, size: int) -> None:
        """The file has this size in the cache."""
        self.content(name).unsynced.append(Truncated(size))

    def synced(self, name: str) -> None:
        """The file's content is on the platter; its name need not be."""
        self.content(name).sync()

    def named(self, names: Mapping[str, Content | None]) -> None:
        """These names stand for these contents, or (None) for nothing any more."""
        for name, content in names.items():
            self._names.setdefault(name, Name()).now = content

    def folder_synced(self) -> None:
        """All names are on the platter."""
        for name in self._names.values():
            name.platter = name.now

    def survivors(self, chance: random.Random) -> dict[str, bytes]:
        """What a power cut now would leave, by name."""
        with self.lock:
            chosen = {name: chance.choice((entry.now, entry.platter)) for name, entry in sorted(self._names.items())}
            return {name: content.survivor(chance) for name, content in chosen.items() if content is not None}

    def leave(self, folder: Path, chance: random.Random) -> None:
        """`folder`, which is new, holds what a power cut now would leave; files that the drive does not know as they are."""
        folder.mkdir()
        untold = {path.name: path.read_bytes() for path in self.folder.iterdir() if path.name not in self._names}
        for name, content in {**untold, **self.survivors(chance)}.items():
            path = folder / name
            path.touch(mode=0o600)
            path.write_bytes(content)


def _applied(content: bytearray, changes: Sequence[Change]) -> bytearray:
    for change in changes:
        match change:
            case Truncated(size):
                del content[size:]
                content.extend(bytes(size - len(content)))
            case Grown(size):
                content.extend(bytes(max(0, size - len(content))))
            case Written(offset, data):
                content.extend(bytes(max(0, offset - len(content))))
                content[offset : offset + len(data)] = data
    return content


def _fate(change: Change, kept: float, chance: random.Random) -> Change | None:
    """The change as it survives; None: not at all."""
    if chance.random() < kept:
        return change
    if not isinstance(change, Written):
        return None
    offset, data = change
    unit = chance.choice(TORN_BYTES)
    torn = Written(offset, data[: chance.randrange(len(data) // unit + 1) * unit])
    return chance.choice((None, torn, Grown(offset + len(data))))
