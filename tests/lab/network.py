"""Networks of a test's own, one for the computer and one for each phone: adbd asks for no key, so nothing else may reach it.

Nothing leads out of them, so what runs inside is not watched (tests/socket_watch.py).
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.not_tried import not_tried
from tests.patience import PATIENCE_S
from tests.running import Running
from tests.socket_watch import FILE


class Network:
    """A network namespace with nothing but loopback and links to others; it lives as long as its keeper."""

    def __init__(self, keeper: int, *, own_user: bool) -> None:
        users = ("--user", "--preserve-credentials") if own_user else ()
        self.keeper = keeper
        self._own_user = own_user
        self._enter = ("nsenter", "--target", str(keeper), *users, "--net", "--")

    def popen(self, command: Sequence[str], environment: Mapping[str, str] | None = None, **how: Any) -> Running:  # noqa: ANN401
        """A program that runs inside; the process's own id is the program's."""
        return Running([*self._enter, *command], env=_unwatched(environment), **how)

    def run(self, *command: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """A program, ended."""
        return subprocess.run(
            [*self._enter, *command], env=_unwatched(environment), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    @contextlib.contextmanager
    def neighbour(self, number: int) -> Iterator[tuple["Network", str]]:
        """Another network with a cable to this one, and its address on it: what listens on loopback there is not reached from here."""
        with _kept([*self._enter, "unshare", "--net", *_KEEPER]) as keeper:
            other = Network(keeper, own_user=self._own_user)
            for network, end, command in (
                (
                    self,
                    1,
                    f"ip link add to{number} type veth peer name cable netns {keeper} && ip addr add 10.77.{number}.1/24 dev to{number}",
                ),
                (other, 2, f"ip addr add 10.77.{number}.2/24 dev cable && ip link set cable up"),
                (self, 1, f"ip link set to{number} up"),
            ):
                made = network.run("sh", "-c", command)
                assert made.returncode == 0, (end, made.stderr)
            yield other, f"10.77.{number}.2"


def _unwatched(environment: Mapping[str, str] | None) -> dict[str, str]:
    return {name: value for name, value in {**os.environ, **(environment or {})}.items() if name != FILE}


_KEEPER = ("sh", "-c", "ip link set lo up && echo up && exec cat")


@contextlib.contextmanager
def _kept(command: Sequence[str]) -> Iterator[int]:
    """The process id of a keeper, which ends with the block; the test is skipped if it cannot be had, but not in CI."""
    try:
        keeper = Running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    except FileNotFoundError:
        not_tried("unshare is not installed")
    with keeper:
        if keeper.line() != "up\n":
            not_tried("no network namespace can be made here")
        yield keeper.pid
        keeper.terminate()


@contextlib.contextmanager
def own_network() -> Iterator[Network]:
    """A network until the block ends."""
    own_user = os.geteuid() != 0
    users = ("--user", "--map-root-user") if own_user else ()
    with _kept(["unshare", *users, "--net", *_KEEPER]) as keeper:
        yield Network(keeper, own_user=own_user)
