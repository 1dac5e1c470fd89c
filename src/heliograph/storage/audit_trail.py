"""The audit trail of a database, read whole: to export or to verify it."""

from collections.abc import Iterable
from typing import NamedTuple

from heliograph.domain.audit import Block
from heliograph.protojson.errors import FailedPrecondition

TRAIL_SINCE = 16
"""The migration that made the tables."""


class NoTrail(FailedPrecondition):
    """The database is older than the audit trail: start the server once, or run heliograph db migrate."""


class Trail(NamedTuple):
    """A trail, and what else in the database says how far it should reach."""

    blocks: Iterable[Block]
    newest_us: int
    """When the newest command was issued; 0: there is none."""
    waiting: int = 0
    """Blocks that wait for their link."""
