"""A whole recorded history: its events, and what the run was made for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from heliograph.history.events import AnyEvent, Deed, FaultKind

FORMAT: Final = "heliograph history"
VERSION: Final = 1


class Header(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The first line: what the run was made for. If any of it never occurred, the verdict is inconclusive."""

    format: str = ""
    version: int = 0
    faults: tuple[FaultKind, ...] = ()
    deeds: tuple[Deed, ...] = ()
    about: str = ""
    """For people: a seed, a commit, a place."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What a file holds."""

    header: Header
    events: Sequence[AnyEvent]
    cut: bool = False
    """Whether the last line is incomplete and was left out: the recorder was ended in the middle of it."""
