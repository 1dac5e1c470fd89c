"""How pytest's workers share the tests: how many there are, and what they begin with."""

import os
from collections.abc import Sequence
from itertools import groupby
from typing import TypeVar

import pytest

T = TypeVar("T")

LONG = ("recipes", "deploy", "android", "lab", "clients", "torture", "many_servers", "operations", "load", "e2e", "testing")
"""Folders whose tests start programs, which take seconds: those with the longest tests first."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two workers for each core: a good quarter of their time three would wait for a disk, a database or another program."""
    return (os.cpu_count() or 1) * 2


@pytest.hookimpl(trylast=True)  # those that are deselected are gone by then
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes long comes first: begun last, it would keep all other workers waiting. A file's tests share what is made for it."""
    tests = config.rootpath / "tests"
    files = [list(group) for _, group in groupby(items, key=lambda item: item.path)]
    folder = {id(file): file[0].path.relative_to(tests).parts[0] if file[0].path.is_relative_to(tests) else "" for file in files}
    long = sorted((file for file in files if folder[id(file)] in LONG), key=lambda file: LONG.index(folder[id(file)]))
    short = [item for file in files if folder[id(file)] not in LONG for item in file]
    items[:] = dealt(long, short, workers=getattr(config, "workerinput", {}).get("workercount", 1))


def dealt(long: Sequence[Sequence[T]], short: Sequence[T], *, workers: int) -> list[T]:
    """All of them; cut into a part for each worker, as pytest-xdist does at first (`worksteal`), each part begins with long ones."""
    left, order = list(short), list[T]()
    count = sum(map(len, long)) + len(left)
    for number in range(workers):
        first = [one for file in long[number::workers] for one in file]
        room = max(0, (count - len(order)) // (workers - number) - len(first))
        order += first + left[:room]
        del left[:room]
    return order + left
