"""Files written through Python's `os` on a drive whose power can be cut: the calls are counted and passed on, also to the drive.

What was written is read from the folder itself before each call, however it came there; what counts as durable is what `os.fsync` was
asked for. So the program under test is as it is, and only its system calls are watched.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.torture.drive import Content, Drive, PowerCut

CHANGES = ("open", "write", "fsync", "replace", "rename", "link", "unlink")
"""Between any two of these the power may go."""


class WatchedFolder:
    """The drive's folder, and which of its files the drive knows as what."""

    def __init__(self, drive: Drive) -> None:
        self._drive = drive
        self._contents: dict[int, Content] = {path.stat().st_ino: drive.content(path.name) for path in drive.folder.iterdir()}

    def catch_up(self) -> None:
        """The drive knows what the cache shows."""
        if self._drive.dead:
            return
        found = {path.name: path for path in self._drive.folder.iterdir()}
        named: dict[str, Content | None] = dict.fromkeys(self._drive.names - found.keys())
        for name, path in found.items():
            content = named[name] = self._contents.setdefault(path.stat().st_ino, Content())
            content.become(path.read_bytes())
        self._drive.named(named)

    def synced(self, descriptor: int) -> None:
        """The open file's content is on the platter, or the folder's names are."""
        if Path(f"/proc/self/fd/{descriptor}").readlink() == self._drive.folder:
            self._drive.folder_synced()
        elif content := self._contents.get(os.fstat(descriptor).st_ino):
            content.sync()


@contextlib.contextmanager
def watched(drive: Drive) -> Iterator[None]:
    """The block, whatever files in the drive's folder it changes, ends where the drive says so: there PowerCut is raised."""
    folder = WatchedFolder(drive)

    def watching(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the real one takes
            folder.catch_up()
            drive.step(name)
            answer = real(*args, **kwargs)
            folder.catch_up()
            if name == "fsync":
                folder.synced(*args)
            return answer

        return call

    with contextlib.ExitStack() as patches:
        for name in CHANGES:
            patches.enter_context(patch.object(os, name, watching(name, getattr(os, name))))
        with contextlib.suppress(PowerCut):
            yield
        folder.catch_up()
