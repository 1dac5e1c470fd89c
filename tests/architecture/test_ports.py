"""A program that must know its port before it is bound gets one of its own."""

import re
import socket
import subprocess
import sys

from tests.architecture.sources import ROOT, modules_under, relative, shipped_modules
from tests.ports import KERNELS_OWN, reserved_port
from tests.running import Running

COUNT = 50
OTHER = f"from tests.ports import reserved_port; print(*[reserved_port() for _ in range({COUNT})], flush=True); input()"


def test_no_two_runs_of_the_tests_reserve_the_same_port() -> None:
    command = [sys.executable, "-c", OTHER]
    with Running(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        theirs = other.line().split()
        ours = [str(reserved_port()) for _ in range(COUNT)]
        other.communicate("\n")

    assert COUNT == len(theirs)
    assert 2 * COUNT == len({*theirs, *ours})


def test_a_reserved_port_can_be_bound_and_the_kernel_gives_it_to_nobody() -> None:
    port = reserved_port()

    for _ in range(2):
        with socket.create_server(("127.0.0.1", port)):
            pass
    assert port < int(KERNELS_OWN.read_text(encoding="utf-8").split()[0])


def test_nobody_binds_a_port_only_to_learn_its_number() -> None:
    """Closed again, it belongs to the next who asks."""
    everything = (*shipped_modules(), *modules_under(ROOT / "tests"))
    binds = {relative(path) for path in everything if re.search(r"\.bind\(\(", path.read_text(encoding="utf-8"))}

    assert {"src/heliograph/server/listening.py", "tests/ports.py"} == binds
