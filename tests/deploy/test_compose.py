"""The compose file, kept honest: the same topology as plain processes carries out commands, and goes on when a server dies."""

import asyncio
import contextlib
import json
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import google_auth_httplib2  # type: ignore[import-untyped]
import httplib2
import pytest
from googleapiclient.discovery import build

from heliograph.agent.clock import MachineClock
from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import Line, PhoneRunner, TransportKind
from heliograph.agent.virtual_phone import Pace, VirtualPhone
from tests.deploy.topology import COMPOSE, FOLDER, SERVICES, Topology, interpolated
from tests.not_tried import program_or_skip
from tests.operations.server import heliograph
from tests.patience import PATIENCE_S
from tests.postgres import Cluster, here_or_skip
from tests.sign_in.google_credentials import credentials_of

ROOT = FOLDER.parent
SERVERS = [name for name in SERVICES if name.startswith("heliograph-")]


@pytest.fixture(scope="module", autouse=True)
def balancer_on_path() -> Iterator[None]:
    """HAProxy can be started; installed where that is possible, else the test is skipped, and says so: in CI that is a failure."""
    found = program_or_skip("haproxy")
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{before}:{Path(found).parent}"
    yield
    os.environ["PATH"] = before


@pytest.fixture
def topology(tmp_path: Path) -> Iterator[Topology]:
    """All services of the file, running."""
    here_or_skip()
    with Cluster() as cluster:
        topology = Topology(tmp_path, cluster)
        with topology.running():
            yield topology


async def key_file(topology: Topology, folder: Path) -> dict[str, Any]:
    """A caller's key, made as the comment in the file says."""
    out, data = folder / "acme.json", topology.folder_of(SERVERS[0], "/var/lib/heliograph")
    words = ("--enterprise", "acme", "--role", "admin", "--out", str(out), "--data-dir", str(data), "--server", topology.url)
    told = await heliograph("keys", "create", *words)
    assert 0 == told.code, told.err
    return dict(json.loads(out.read_text()))


@contextlib.contextmanager
def google_client(topology: Topology, key: dict[str, Any]) -> Iterator[Any]:
    """`androidmanagement.enterprises()` of Google's client, signed in, by way of the balancer."""
    with contextlib.closing(httplib2.Http(timeout=PATIENCE_S)) as http:
        signed_in = google_auth_httplib2.AuthorizedHttp(credentials_of(key), http=http)
        yield build("androidmanagement", "v1", http=signed_in, client_options={"api_endpoint": topology.url}).enterprises()


async def phone(topology: Topology, enterprises: Any, kind: TransportKind) -> PhoneRunner:  # noqa: ANN401
    """A phone, enrolled and connected by way of the balancer."""
    token = await asyncio.to_thread(enterprises.enrollmentTokens().create(parent="enterprises/acme", body={}).execute)
    serial = f"DEPLOY-{kind.name}"
    virtual = VirtualPhone(
        PROFILES["pixel8-a15-fully-managed"].phone(serial), clock=MachineClock(), chance=random.Random(serial), pace=Pace(times=0.02)
    )
    runner = PhoneRunner(virtual, Line(server_url=topology.url, kind=kind, backoff_first_s=0.1, backoff_most_s=0.5))
    runner.start(token["value"])
    async with asyncio.timeout(PATIENCE_S):
        await runner.wait_connected()
    return runner


async def executed(enterprises: Any, runner: PhoneRunner) -> dict[str, Any]:  # noqa: ANN401
    """A LOCK for the phone, done."""
    issued = await asyncio.to_thread(enterprises.devices().issueCommand(name=runner.name, body={"type": "LOCK"}).execute)
    asked = enterprises.devices().operations().get(name=issued["name"])
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await asyncio.to_thread(asked.execute)).get("done"):  # noqa: ASYNC110 - only the answer shows it
            await asyncio.sleep(0.1)
    return dict(found)


async def test_commands_reach_phones_through_the_balancer_and_go_on_when_a_server_dies(topology: Topology, tmp_path: Path) -> None:
    with google_client(topology, await key_file(topology, tmp_path)) as enterprises:
        phones = [await phone(topology, enterprises, kind) for kind in TransportKind]
        for runner in phones:
            assert "response" in await executed(enterprises, runner)

        topology.processes[SERVERS[0]].kill()
        topology.processes[SERVERS[0]].wait()
        for runner in phones:
            assert "response" in await executed(enterprises, runner)

        for runner in phones:
            await runner.stop()
    assert {2} == {sum(effect.step == "began" for effect in runner.phone.effects) for runner in phones}
    assert all(interpolated("${POSTGRES_PASSWORD}") not in topology.log(name) for name in SERVERS)


def test_every_server_but_for_what_it_waits_for_is_the_same() -> None:
    """A caller may meet any of them."""
    differing = [name for name in SERVERS if {**SERVICES[name], "depends_on": None} != {**SERVICES[SERVERS[0]], "depends_on": None}]

    assert [] == differing
    assert len(SERVERS) > 1


def test_the_balancer_knows_every_server() -> None:
    configuration = (FOLDER / "haproxy.cfg").read_text()

    assert {name: f"{name}:8080" for name in SERVERS} == dict(re.findall(r"^    server (\S+) (\S+)$", configuration, re.MULTILINE))
    assert set(SERVERS) == set(SERVICES["balancer"]["depends_on"])


def test_no_password_is_on_a_command_line() -> None:
    assert [] == [name for name, service in SERVICES.items() if "POSTGRES_PASSWORD" in str(service.get("command"))]


def test_images_are_named_plainly() -> None:
    """No registry's host: its user decides where images come from."""
    assert [] == [service["image"] for service in SERVICES.values() if "/" in service["image"]]
    assert {"database", "key"} == set(COMPOSE["volumes"])


def test_the_image_is_made_of_what_is_here_with_the_tools_that_are_used_here() -> None:
    recipe = (FOLDER / "Dockerfile").read_text()
    makefile = (ROOT / "Makefile").read_text()
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = {word for line in re.findall(r"^COPY (?!--)(.+)$", recipe, re.MULTILINE) for word in line.split()[:-1]}

    assert re.findall(r"^UV_VERSION := (.+)$", makefile, re.MULTILINE) == re.findall(r"uv==(\S+)", recipe)
    assert copied == set(allowed)
    assert [] == [name for name in copied if not (ROOT / name).exists()]
    assert "deploy/Dockerfile" == SERVICES[SERVERS[0]]["build"]["dockerfile"]
