"""What must hold in a database, as a list of findings: what `heliograph db check` says."""

import functools
import re
from collections.abc import Mapping
from importlib import resources
from typing import NamedTuple

from heliograph.storage.kind_statements import check_of, kind_reads
from heliograph.storage.kinds import KINDS
from heliograph.storage.queries import migrations, statements

_CHECK = re.compile(r"^-- (\w+) --\n-- (sqlite only: )?([^\n]+)\n(.+?)\s*(?=^-- \w+ --$|\Z)", re.MULTILINE | re.DOTALL)


class Finding(NamedTuple):
    """Something that must hold, and whether it does."""

    name: str
    holds: str
    """What must hold, as a sentence."""
    trouble: str = ""
    """Why it does not; empty: it does."""


class Check(NamedTuple):
    """A statement that counts the rows that break an invariant."""

    holds: str
    statement: str

    def finding(self, name: str, count: int) -> Finding:
        """What so large a count means."""
        return Finding(name, self.holds, f"{count} rows break it." if count else "")


@functools.cache
def check_reads() -> Mapping[str, str]:
    """Every statement of check_reads.sql, and every read of the record kinds, by name."""
    return {**statements("check_reads.sql"), **kind_reads()}


@functools.cache
def checks(engine: str) -> Mapping[str, Check]:
    """The statements of checks.sql for this engine ("sqlite", "postgresql"), and those of the record kinds, by name."""
    text = (resources.files(__package__) / "checks.sql").read_text(encoding="utf-8")
    found = _CHECK.findall(text)
    by_hand = {name: Check(holds, statement) for name, only_sqlite, holds, statement in found if engine == "sqlite" or not only_sqlite}
    return by_hand | {check.name: Check(check.purpose, check.sql) for check in map(check_of, KINDS) if check}


def schema_finding(version: int) -> Finding:
    """Whether the tables are those of this version of Heliograph; if not, nothing else can be checked."""
    newest = migrations()[-1].version
    trouble = ""
    if version == 0:
        trouble = "This is not a Heliograph database."
    elif version < newest:
        trouble = f"The database has schema {version}: run `heliograph db migrate`, or start the server, which migrates it."
    elif version > newest:
        trouble = f"The database has schema {version}: a newer Heliograph wrote it."
    return Finding("schema", f"The tables are those of schema {newest}.", trouble)
