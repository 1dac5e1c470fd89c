"""The peer that `make bench` builds: what NanoMDM answered is what its devices are given, so a run against it can be counted."""

import uuid
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from benchmarks import nanomdm
from tests.clients.programs import READY_WITHIN_S, require_tools
from tests.patience import PATIENCE_S
from tests.socket_watch import beyond_loopback

pytestmark = [pytest.mark.clients, pytest.mark.timeout(2 * READY_WITHIN_S + PATIENCE_S)]


def test_each_device_is_given_each_command_that_nanomdm_took_once(tmp_path: Path) -> None:
    require_tools("NanoMDM", ("go",))
    with beyond_loopback():
        nanomdm.built()

    with nanomdm.nanomdm(tmp_path, devices=3) as peer:
        load = peer.load(clients=1)
        for path in [*load.paths, *load.paths]:
            body = (load.body % uuid.uuid4().int).encode()
            command = Request(peer.server.url + path, body, {"Authorization": load.authorization}, method="PUT")  # noqa: S310 - loopback
            with urlopen(command, timeout=PATIENCE_S) as answer:  # noqa: S310 - loopback
                assert 200 == answer.status

        assert (6, 0) == (peer.drained(), peer.drained())
