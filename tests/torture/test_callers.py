"""What a caller writes down is what happened on the wire."""

import asyncio
from pathlib import Path

import aiohttp

from heliograph.history.events import Answer
from tests.torture.callers import Board, Callers, Habits, Target, insist
from tests.torture.run import history_of

DEVICE = "enterprises/e/devices/d"


async def test_a_deletion_whose_answer_was_lost_is_sent_once_and_may_have_been_done(tmp_path: Path) -> None:
    """The server dies with the connection: a second one would find nobody, and nothing would seem to have been done."""
    heads: list[bytes] = []

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        server.close()
        writer.close()

    server = await asyncio.start_server(die, "127.0.0.1", 0)
    history = history_of(tmp_path, "none", ())
    async with server, aiohttp.ClientSession(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as http:
        target = Target(device=DEVICE)
        callers = Callers([http], history, Board([target]), habits=Habits(), seed="none")

        completed = await callers.delete(target, caller="admin")
    history.close()

    assert [b"DELETE /v1/" + DEVICE.encode()] == [head.partition(b" HTTP/")[0] for head in heads]
    assert (Answer.UNKNOWN, 0) == (completed.answer, completed.status)


async def test_who_insists_asks_a_server_again_that_is_overloaded_or_goes_away() -> None:
    answers = iter([b"503 Service Unavailable", b"", b"200 OK"])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if line := next(answers):
            writer.write(b"HTTP/1.1 " + line + b'\r\nConnection: close\r\nContent-Length: 15\r\n\r\n{"name": "one"}')
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, aiohttp.ClientSession(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as http:
        said = await insist(http, "GET", DEVICE)

    assert {"name": "one"} == said
    assert [] == [*answers]
