"""Who opens connections and asks nothing, or half of it, keeps nobody from asking how the server is, and nobody out for long."""

import asyncio
import contextlib
import json
import os
import re
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.api.raw import Answer, Raw, answers_to
from tests.e2e.program import running_sandbox
from tests.files import written
from tests.load.serve_process import ServeProcess
from tests.patience import PATIENCE_S

FEW = 64
CROWD = 150
HOST = b"Host: 127.0.0.1\r\n"
HALF_HEAD = b"GET /v1/enterprises HTTP/1.1\r\n" + HOST + b"X: "
PAGES = ("/healthz", "/readyz", "/metrics")


def get(path: str) -> bytes:
    """The request."""
    return f"GET {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n"


async def asked(port: int, path: str) -> list[Answer]:
    """What a new connection is answered, and then closed."""
    return await asyncio.to_thread(answers_to, port, get(path).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))


@contextlib.asynccontextmanager
async def crowd(port: int, count: int, said: bytes) -> AsyncIterator[None]:
    """So many connections, each of which said that and no more."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(Raw(port)).send(said)
        yield


@pytest.mark.parametrize("said", [b"", HALF_HEAD], ids=["nothing", "half a head"])
async def test_a_crowd_that_takes_every_place_keeps_nobody_from_asking_how_the_server_is(tmp_path: Path, said: bytes) -> None:
    program = ("-m", "tests.load.few_descriptors", str(FEW))
    async with ServeProcess(tmp_path, "--head-seconds", "300", program=program) as server:
        with Raw(server.port) as established:
            established.send(get("/healthz"))
            before = established.answer()
            async with crowd(server.port, CROWD, said):
                pages = {path: await asked(server.port, path) for path in PAGES * 3}
                other = await asked(server.port, "/v1/enterprises")
                established.send(get("/v1/enterprises/x"))
                after = established.answer()
            log = await asyncio.to_thread(written, server.log, lambda log: "http.crowded" in log)

    assert {path: [200] for path in PAGES} == {path: [answer.status for answer in answers] for path, answers in pages.items()}
    assert [503] == [answer.status for answer in other]
    assert "UNAVAILABLE" == other[0].error["status"]
    assert (200, 403) == (before.status, after.status) or (200, 404) == (before.status, after.status)
    assert b'heliograph_connections_crowded_total{bound="full"}' in pages["/metrics"][0].body
    assert 0 < sum(json.loads(line)["event"] == "http.crowded" for line in log.splitlines()) < CROWD / 2


@contextlib.contextmanager
def no_file_to_open(pid: int) -> Iterator[None]:
    """The process can open no file and take no connection as long as the block lasts; what is open stays so."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))  # the lowest numbers are taken
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


async def test_who_comes_when_the_reserve_of_files_is_used_up_too_waits_and_is_answered(tmp_path: Path) -> None:
    async with ServeProcess(tmp_path) as server:
        with Raw(server.port) as established:
            established.send(get("/healthz"))
            before = established.answer()
            with no_file_to_open(server.pid):
                late = Raw(server.port)
                late.send(get("/healthz"))
                async with asyncio.timeout(PATIENCE_S):
                    while "http.no_descriptors" not in server.errors():  # noqa: ASYNC110 - nothing signals it
                        await asyncio.sleep(0.05)
                established.send(get("/healthz"))
                meanwhile, waits = established.answer(), not late.heard(within_s=0.2)
            with late:
                after = late.answer()
        metrics = (await asked(server.port, "/metrics"))[0].body.decode()

    assert [200, 200, 200] == [answer.status for answer in (before, meanwhile, after)]
    assert waits
    assert re.search(r'^heliograph_connections_crowded_total\{bound="descriptors"\} [1-9]', metrics, re.MULTILINE)


async def test_a_crowd_makes_room_after_a_while(tmp_path: Path) -> None:
    async with ServeProcess(tmp_path, "--connections-most", "10", "--head-seconds", "300") as server:  # noqa: SIM117 - the crowd first
        async with crowd(server.port, 10, HALF_HEAD), asyncio.timeout(PATIENCE_S):
            while [503] == [answer.status for answer in await asked(server.port, "/v1/enterprises")]:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.2)


SERVED = ("/v1/enterprises", "/batch", "/device/v1/enroll", "/device/v1/status", "/token")
STEERED = ("/sandbox/v1/clock:advance", "/sandbox/v1/devices", "/heliograph/v1/keys", "/device/v1/enroll", "/v1/enterprises", "/batch")


def half(path: str) -> bytes:
    """A POST whose body does not come."""
    return f"POST {path} HTTP/1.1\r\n".encode() + HOST + b"Content-Type: multipart/mixed; boundary=x\r\nContent-Length: 100\r\n\r\n{"


async def test_no_route_of_a_server_waits_for_a_body_longer_than_allowed(tmp_path: Path) -> None:
    async with ServeProcess(tmp_path, "--body-seconds", "0.5") as server:
        answers = {path: await asyncio.to_thread(answers_to, server.port, half(path)) for path in SERVED}

    expected = {path: [401 if path == "/device/v1/status" else 408] for path in answers}  # a device shows its credential first
    assert expected == {path: [answer.status for answer in found] for path, found in answers.items()}


def test_no_route_of_a_sandbox_waits_for_a_body_longer_than_allowed(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, "--body-seconds", "0.5") as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        answers = {path: answers_to(port, half(path)) for path in STEERED}
        large = answers_to(port, half(STEERED[0]).replace(b"100", b"4000000") + b" " * 4_000_000)
        log = (sandbox.output / "stderr").read_text(encoding="utf-8")

    assert [413] == [answer.status for answer in large]
    assert "Exception" not in log
    assert {path: [408] for path in answers} == {path: [answer.status for answer in found] for path, found in answers.items()}


async def test_a_head_without_an_end_costs_no_memory(tmp_path: Path) -> None:
    async with ServeProcess(tmp_path) as server:
        before = memory_bytes(server.pid)
        for _ in range(4):
            found = await asyncio.to_thread(answers_to, server.port, HALF_HEAD + b"\r\n" + b"a:b\r\n" * 3_000_000)
            assert [431] == [answer.status for answer in found]
        grown = memory_bytes(server.pid) - before

    assert grown < 30_000_000, "15 MB of header fields took some hundred MB each"


def memory_bytes(pid: int) -> int:
    """What the process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
