"""What a connection to SQLite holds in a process of a thousand databases."""

import subprocess
import sys

import pytest

from tests.patience import PATIENCE_S

MEASURED = """
import sys

import apsw

from heliograph.storage.sqlite.connection import without_memory_in_advance

used = [apsw.Connection(":memory:")] if "used" in sys.argv else []
without_memory_in_advance()
before = apsw.memory_used()
connections = [apsw.Connection(":memory:") for _ in range(10)]
print((apsw.memory_used() - before) // 10)
"""


@pytest.mark.parametrize("words, held", [([], False), (["used"], True)])
def test_no_memory_is_held_in_advance_unless_sqlite_was_in_use_before(words: list[str], *, held: bool) -> None:
    done = subprocess.run([sys.executable, "-c", MEASURED, *words], capture_output=True, text=True, check=True, timeout=PATIENCE_S)

    assert held is (int(done.stdout) >= 48_000)
