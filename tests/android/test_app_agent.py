"""What the APK's agent promises beyond the contract that the virtual phone keeps too."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from heliograph.agent.runner import TransportKind
from heliograph.domain.evidence import Judgement
from heliograph.protocol import POLICY_MESSAGE_MAX_BYTES
from tests.agent.lab import Lab, Wire, eventually, port_of, shown
from tests.android.subjects import AppSubject, Wish, issue
from tests.patience import PATIENCE_S


@contextlib.asynccontextmanager
async def proxy_without_web_sockets(port: int) -> AsyncIterator[str]:
    """A proxy's address. It answers every handshake with 400, as proxies do that know no upgrade, and passes the rest on."""

    async def serve(phone_in: asyncio.StreamReader, phone_out: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await phone_in.readuntil(b"\r\n\r\n")
            if b"/connect " in head:
                phone_out.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await phone_out.drain()
            else:
                await passed_on(head, phone_in, phone_out)
        phone_out.close()

    async def passed_on(head: bytes, phone_in: asyncio.StreamReader, phone_out: asyncio.StreamWriter) -> None:
        server_in, server_out = await asyncio.open_connection("127.0.0.1", port)
        server_out.write(head)
        await asyncio.gather(pumped(phone_in, server_out), pumped(server_in, phone_out))

    async def pumped(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                target.write(data)
        target.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@contextlib.asynccontextmanager
async def greeting_with(sizes: list[int]) -> AsyncIterator[str]:
    """A server's address. It enrols who asks, and answers one hello after the other with a message of such a size."""

    def message(start: str) -> str:
        size = sizes.pop(0)
        return f"{start}{' ' * (size - len(start) - 1)}}}"

    async def serve(request: web.Request) -> web.StreamResponse:
        match request.path.rpartition("/")[2]:
            case "enroll":
                return web.json_response({"name": "enterprises/e/devices/d"})
            case "hello":
                return web.Response(text=message("{"))
            case "connect":
                socket = web.WebSocketResponse()
                await socket.prepare(request)
                async for frame in socket:
                    ask = frame.json()
                    answer = f'{{"replyTo":{ask["id"]},"status":200,"body":{{}}'
                    await socket.send_str(message(answer) if ask["kind"] == "hello" else answer + "}")
                return socket
            case "commands":
                await asyncio.sleep(0.1)
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("kind", list(TransportKind))
async def test_a_message_to_the_phone_has_a_bound(tmp_path: Path, class_path: str, kind: TransportKind) -> None:
    sizes = [POLICY_MESSAGE_MAX_BYTES + 1, POLICY_MESSAGE_MAX_BYTES]
    async with greeting_with(sizes) as url:
        (tmp_path / "settings.json").write_text(json.dumps({"url": url, "token": "any", "channel": kind.value}))
        subject = AppSubject(tmp_path, class_path)
        try:
            await subject.start()

            assert [] == sizes
        finally:
            await subject.stop()


async def test_where_no_web_socket_gets_through_the_agent_polls(lab: Lab, class_path: str) -> None:
    async with proxy_without_web_sockets(port_of(lab.url)) as url:
        subject = await AppSubject.made(lab, Wish(type="LOCK", kind=None, url=url), class_path)
        try:
            operation = await lab.ended(await issue(lab, subject, "LOCK"))

            assert "response" in shown(operation)
        finally:
            await subject.stop()


async def test_a_wipe_that_the_system_prevents_is_not_confirmed_and_tried_again(lab: Lab, class_path: str) -> None:
    subject = await AppSubject.made(lab, Wish(type="WIPE"), class_path)
    try:
        (subject.folder / "prevented").touch()
        await issue(lab, subject, "WIPE")
        await eventually(lambda: subject.text("effects").count("WIPE") >= 2)
        assert b"finalOrder" in subject.journal()
        assert b'"carriedOut":true' not in subject.journal()

        (subject.folder / "prevented").unlink()

        await subject.until("released")
        assert b"" == subject.journal()
    finally:
        await subject.stop()


@pytest.mark.parametrize("torn", [b'{"entry":{"operation"', b"\xff\xfe"])
async def test_a_line_that_a_crash_left_unfinished_does_not_count(lab: Lab, class_path: str, torn: bytes) -> None:
    subject = await AppSubject.made(lab, Wish(type="LOCK"), class_path)
    await subject.stop()
    subject.tear(torn)

    try:
        await subject.start()

        assert "response" in shown(await lab.ended(await issue(lab, subject, "LOCK")))
    finally:
        await subject.stop()


@pytest.mark.parametrize(
    "android_id, says", [("5eed5eed5eed5eed", Judgement.OBSERVED), (Wish(type="WIPE").android_id, Judgement.CONTRADICTED)]
)
async def test_the_phone_that_enrols_after_a_wipe_shows_whether_it_was_erased(
    lab: Lab, class_path: str, android_id: str, says: Judgement
) -> None:
    wiped = await AppSubject.made(lab, Wish(type="WIPE"), class_path)
    operation = await lab.ended(await issue(lab, wiped, "WIPE"))
    await wiped.until("released")

    again = await AppSubject.made(lab, Wish(type="WIPE", serial=wiped.folder.name, android_id=android_id), class_path)

    found = await lab.ports.store.operation(operation.name)
    assert found is not None
    assert (Judgement.NOT_OBSERVED, says) == (operation.judgement, found.judgement)
    await again.stop()


async def test_the_agent_keeps_its_connection_open_and_learns_from_its_loss(lab: Lab, class_path: str) -> None:
    """By a clock that goes on while the phone sleeps: its system wakes it from time to time."""
    async with Wire(port_of(lab.url)) as wire:
        subject = await AppSubject.made(lab, Wish(type="LOCK", url=wire.url), class_path)
        assert "55000" == subject.text("wakes").split()[0]

        await sleeps(subject, until=lambda: learnt(subject).get("passedS", 0) > 0)
        wire.cut_next_answer(b'"kind":"ping"')
        await sleeps(subject, until=lambda: learnt(subject).get("losses", 0) > 0)
        operation = await lab.ended(await issue(lab, subject, "LOCK"))

        passed_s = learnt(subject)["passedS"]
        assert passed_s >= 55
        assert f"{min(900, passed_s * 3 // 2)}000" in subject.text("wakes").split()
        assert "response" in shown(operation)
        await subject.stop()


async def sleeps(subject: AppSubject, *, until: Callable[[], bool]) -> None:
    """The phone sleeps for a minute at a time, and is woken."""
    async with asyncio.timeout(PATIENCE_S):
        while not until():
            (subject.folder / "wake.new").write_text("60")
            (subject.folder / "wake.new").rename(subject.folder / "wake")
            await eventually(lambda: not subject.there("wake"))
            await asyncio.sleep(0.2)


def learnt(subject: AppSubject) -> dict[str, int]:
    """What the agent keeps of its network."""
    kept: dict[str, int] = json.loads(subject.text("silences host") or "{}")
    return kept
