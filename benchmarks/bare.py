"""The yardstick, frozen: the least an issueCommand can cost under uvicorn. No storage, no routing, no checks, no errors.

Raw ASGI, one string comparison as a route, the body decoded into the same Command struct, an Operation of the same size rendered.
Run as a program it serves on the port given: `python -m benchmarks.bare PORT`.
"""

import asyncio
import itertools
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import uvicorn

from heliograph.commands import ENVELOPE

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

CREATE_MS = 1_786_048_723_669
HEADERS = [(b"content-type", b"application/json; charset=UTF-8")]


class Metadata(msgspec.Struct):
    """The Command inside an Operation."""

    type_url: str = msgspec.field(name="@type")
    type: str
    create_time: str = msgspec.field(name="createTime")
    duration: str
    user_name: str = msgspec.field(name="userName")


class Operation(msgspec.Struct):
    """As large as Heliograph's answer to the same request."""

    name: str
    metadata: Metadata


def bare_app() -> App:
    """The app: everything that is not an issueCommand is 404."""
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(ENVELOPE.message)
    encoder = msgspec.json.Encoder()
    numbers = itertools.count(CREATE_MS)

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if not path.endswith(":issueCommand"):
            await send({"type": "http.response.start", "status": 404, "headers": HEADERS})
            await send({"type": "http.response.body", "body": b"{}"})
            return
        message = await receive()
        command = decoder.decode(message["body"])
        device = path[4:-13]
        metadata = Metadata(
            type_url="type.googleapis.com/google.android.devicemanagement.v1.Command",
            type=command.type.value,
            create_time="2026-08-06T20:38:43.669Z",
            duration=command.duration or "600s",
            user_name="enterprises/LC03k6enk8/users/115152678574749474491",
        )
        body = msgspec.json.format(encoder.encode(Operation(f"{device}/operations/{next(numbers)}", metadata)), indent=2)
        await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, (b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    return app


def settings(app: App, port: int) -> uvicorn.Config:
    """The flags that `heliograph.server` uses."""
    return uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
    )


def main() -> None:
    """Serve until interrupted."""
    config = settings(bare_app(), int(sys.argv[1]))
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
