"""What a request costs in opcodes of Python, beside what is recorded: `make count` records it again in benchmarks/counted.json.

Seconds lie where other work runs; opcodes do not. A test (tests/benchmarks/test_counted.py) fails if a figure is not what is recorded.
`python -m benchmarks.counted` only compares.
"""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

RECORD = Path(__file__).with_name("counted.json")
TOLERANCE = 0.05
"""Of a recorded figure. Twenty runs on a busy machine differed by 1.4 % at most; changes that are meant to cost nothing cost a little."""
PYTHON = ".".join(platform.python_version_tuple()[:2])
"""Each minor version of CPython compiles to other opcodes."""
MEASURED_S = 300
"""A run takes ten seconds on a quiet machine; one that takes longer than this hangs."""

Counts = Mapping[str, int]
"""Opcodes of one request (or cycle) by what was asked."""


def recorded() -> dict[str, dict[str, int]]:
    """The figures, by version of Python."""
    return msgspec.json.decode(RECORD.read_bytes(), type=dict[str, dict[str, int]])


def counted() -> dict[str, int]:
    """The figures of this checkout under this Python, counted in a process of its own: nothing else runs there."""
    # Sets of texts are in the same order each time.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "benchmarks.counting"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=MEASURED_S)
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=dict[str, int])  # before it: the server's log


def differences(counts: Counts, record: Counts) -> Iterator[str]:
    """A sentence for each figure that is not as recorded, which says what to do."""
    for what in sorted({*counts, *record}):
        now, before = counts.get(what), record.get(what)
        if now is None or before is None:
            yield f"{what}: {'not recorded' if before is None else 'no longer counted'}. Record it with `make count`."
        elif now > before * (1 + TOLERANCE):
            yield (
                f"This change makes {what} cost {now / before - 1:.0%} more opcodes: {before:,} → {now:,}. "
                f"If that is meant, record it with `make count`, and say in the commit what it buys."
            )
        elif now < before * (1 - TOLERANCE):
            yield (
                f"This change makes {what} cost {1 - now / before:.0%} fewer opcodes: {before:,} → {now:,}. "
                f"Record it with `make count`, so that it stays so."
            )


def write(counts: Counts) -> None:
    """The figures are the recorded ones of this Python; others stay."""
    record = {**recorded(), PYTHON: dict(counts)} if RECORD.exists() else {PYTHON: dict(counts)}
    RECORD.write_bytes(msgspec.json.format(msgspec.json.encode(record, order="sorted"), indent=2) + b"\n")


def main() -> int:
    """Exits with 1 if a figure is not as recorded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="record the figures")
    counts, record = counted(), recorded().get(PYTHON, {}) if RECORD.exists() else {}
    for what, count in counts.items():
        print(f"{count:8,} {what}" + (f" (recorded: {record[what]:,})" if what in record else ""))
    if parser.parse_args().write:
        write(counts)
        return 0
    found = list(differences(counts, record))
    print("\n".join(found))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
