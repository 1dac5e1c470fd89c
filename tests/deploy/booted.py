"""A Debian that boots: this machine's files below a layer of their own, with systemd as process 1 and a network of its own (loopback).

It needs root, systemd-nspawn and a kernel that lets root mount; where these are not, tests are skipped and say so.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.not_tried import program_or_skip
from tests.patience import PATIENCE_S
from tests.running import Running

ROOT = Path(__file__).parents[2]
OPT = "/opt/heliograph"
STARTS = f"""#!/bin/sh
export PYTHONPATH={OPT}/src:{OPT}/packages LD_LIBRARY_PATH={OPT}/python/lib
exec {OPT}/python/bin/python{sys.version_info[0]}.{sys.version_info[1]} -m heliograph "$@"
"""
"""What `pip install` makes, for a Python and packages that are mounted."""


class Machine:
    """The booted system."""

    def __init__(self, leader: int) -> None:
        self._enter = ["nsenter", "--target", str(leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]

    def run(self, script: str, **variables: str) -> str:
        """What bash prints for the script, run by root in the checkout, which ends at the first error."""
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(Path.home()), **variables}
        done = subprocess.run(
            [*self._enter, "bash", "-c", f"set -eux; cd /checkout; {script}"],
            env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert 0 == done.returncode, f"{done.stdout}{done.stderr}{self.journal()}"
        return done.stdout

    def journal(self) -> str:
        """The last lines of the units that matter here."""
        words = ("journalctl", "--no-pager", "--lines=40", "--output=cat", "--unit=heliograph*", "--unit=caddy", "--unit=prometheus")
        return subprocess.run([*self._enter, *words], capture_output=True, text=True, timeout=PATIENCE_S, check=False).stdout

    def until(self, script: str) -> None:
        """The script succeeds at last."""
        until = time.monotonic() + PATIENCE_S
        while subprocess.run([*self._enter, "bash", "-c", script], capture_output=True, timeout=PATIENCE_S, check=False).returncode:
            assert time.monotonic() < until, f"{script}: {self.journal()}"
            time.sleep(0.1)


@contextlib.contextmanager
def booted(folder: Path, version: str) -> Iterator[Machine]:
    """The system has booted; `version` of Heliograph is in /opt as docs/self-host.md installs it, and nothing of it is set up."""
    if os.geteuid() != 0:
        pytest.skip("only root can boot a system")
    nspawn = program_or_skip("systemd-nspawn", package="systemd-container")
    with _layered(folder) as root:
        _install(root, version)
        log = folder / "console"
        mounts = {sys.base_prefix: f"{OPT}/python", _packages(): f"{OPT}/packages", str(ROOT / "src"): f"{OPT}/src", str(ROOT): "/checkout"}
        command = [
            nspawn, f"--directory={root}", "--quiet", "--private-network", "--register=no", "--keep-unit", "--console=pipe",
            *(f"--bind-ro={here}:{there}" for here, there in mounts.items()), "--boot", "systemd.unit=basic.target",
        ]  # fmt: skip
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        with log.open("wb") as output:
            process = Running(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            machine = Machine(_leader(process, log))
            machine.until("systemctl is-active basic.target")
            yield machine
        finally:
            process.terminate()  # nspawn asks the system to power off
            process.wait()


@contextlib.contextmanager
def _layered(folder: Path) -> Iterator[Path]:
    """This machine's root, with a layer on it that takes all changes and is thrown away."""
    layer = folder / "layer"
    layer.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", layer], check=False, capture_output=True, timeout=PATIENCE_S)
    if done.returncode:
        pytest.skip(f"this kernel lets nobody mount: {done.stderr.decode().strip()}")
    try:
        for name in ("upper", "work", "root"):
            (layer / name).mkdir()
        layers = f"lowerdir=/,upperdir={layer / 'upper'},workdir={layer / 'work'}"
        done = subprocess.run(
            ["mount", "-t", "overlay", "-o", layers, "overlay", layer / "root"], check=False, capture_output=True, timeout=PATIENCE_S
        )
        if done.returncode:
            pytest.skip(f"this kernel has no overlays: {done.stderr.decode().strip()}")
        try:
            yield layer / "root"
        finally:
            subprocess.run(["umount", layer / "root"], check=True, timeout=PATIENCE_S)
    finally:
        subprocess.run(["umount", layer], check=True, timeout=PATIENCE_S)


def _install(root: Path, version: str) -> None:
    program = root / OPT.lstrip("/") / version / "bin" / "heliograph"
    program.parent.mkdir(parents=True)
    program.write_text(STARTS)
    program.chmod(0o755)
    for name in ("caddy", "prometheus", "nginx"):  # they wait until they are set up, as after an installation that starts nothing
        (root / "etc/systemd/system/multi-user.target.wants" / f"{name}.service").unlink(missing_ok=True)


def _packages() -> str:
    return str(Path(sys.prefix) / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages")


def _leader(process: Running, log: Path) -> int:
    """The process that is systemd inside."""
    until = time.monotonic() + PATIENCE_S
    while True:
        if process.poll() is not None:
            pytest.skip(f"nothing can boot here: {log.read_text(errors='replace')[-500:]}")
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
        assert time.monotonic() < until, log.read_text(errors="replace")
        time.sleep(0.05)
