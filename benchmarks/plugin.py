"""The pytest plugin: what a test that has the fixture `amapi` takes beside its own work, the first one and each further one.

`python -m benchmarks --only plugin`, or by itself: `python -m benchmarks.plugin`.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.figures import Figures, Number, Scale, percentile
from benchmarks.report import printed

TESTS = 200
QUICK_TESTS = 10
FIRSTS = 5
"""Runs of pytest, each with a first test."""
WITHIN_S = 120.0
TEST_FILE = """
import time

import pytest


@pytest.mark.parametrize("number", range({tests}))
def test_lock(amapi, number, record_property):
    devices, name = amapi.client.enterprises().devices(), amapi.phones["pixel8"].name

    began_s = time.perf_counter()
    devices.issueCommand(name=name, body={{"type": "LOCK"}}).execute()
    amapi.phones["pixel8"].executed("LOCK", once=True)
    record_property("own_ms", (time.perf_counter() - began_s) * 1_000)
"""
CONFTEST = """
import json, os, pathlib

took = {}


def pytest_runtest_logreport(report):
    test = took.setdefault(report.nodeid, {"whole_ms": 0.0, "own_ms": 0.0})
    test["whole_ms"] += report.duration * 1_000
    if report.when == "teardown":
        test["own_ms"] = dict(report.user_properties)["own_ms"]


def pytest_sessionfinish():
    pathlib.Path(os.environ["TOOK"]).write_text(json.dumps(list(took.values())))
"""


def measure_plugin(scale: Scale) -> Figures:
    """Whole runs of pytest, each in a process of its own, which starts its sandbox by itself."""
    quick = scale.rounds == 1
    runs = [_run(QUICK_TESTS if quick else TESTS), *([] if quick else [_run(1) for _ in range(FIRSTS - 1)])]
    further = sorted(test["whole_ms"] - test["own_ms"] for test in runs[0][1:])
    own = sorted(test["own_ms"] for test in runs[0][1:])
    return Figures(
        numbers=[
            Number("the first test, the sandbox's start included", [run[0]["whole_ms"] / 1_000 for run in runs], "s", most=1.0),
            Number("each further test beside its own work, p50", [percentile(further, 0.5)], "ms"),
            Number("each further test beside its own work, p95", [percentile(further, 0.95)], "ms", most=20.0),
            Number("its own work: a command issued, and what the phone did asked for, p50", [percentile(own, 0.5)], "ms"),
        ]
    )


def _run(tests: int) -> list[dict[str, float]]:
    """What each test took, setting up and tearing down included."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "HELIOGRAPH_", "AMAPI_"))}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_lock.py").write_text(TEST_FILE.format(tests=tests), encoding="utf-8")
        Path(folder, "conftest.py").write_text(CONFTEST, encoding="utf-8")
        took = Path(folder, "took.json")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:xdist"]
        subprocess.run(command, cwd=folder, env=clean | {"TOOK": str(took)}, check=True, timeout=WITHIN_S, stdout=subprocess.DEVNULL)
        found: list[dict[str, float]] = json.loads(took.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    print(printed(measure_plugin(Scale())))
