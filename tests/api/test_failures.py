"""What is answered when the server itself is in trouble: short, in Google's form, and without a word of what is inside."""

import dataclasses
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from heliograph.api.app import rest_app
from heliograph.api.http.failures import FRAMES_MOST, log_failure
from heliograph.asgi import Message
from heliograph.domain.errors import Overloaded
from heliograph.service.ports import Ports
from tests.api.live import Live, Response

SECRET = "hunter2"


class BrokenStore:
    """A store that takes no writes and whose reads go wrong."""

    audited = True

    def __init__(self, error: Exception) -> None:
        self._error = error

    def healthy(self) -> str | None:
        """Why it takes no writes."""
        return "The disk is full."

    async def decide(self, *_sees_and_rule: object, **_lane: object) -> Any:  # noqa: ANN401 - never returns
        """Fails."""
        raise self._error

    async def enterprises(self, *, after: str, limit: int) -> Any:  # noqa: ANN401 - never returns
        """Fails."""
        raise self._error


def broken(live: Live, error: Exception) -> Ports:
    """The server's ports with a store that is out of order."""
    return dataclasses.replace(live.ports, store=BrokenStore(error))  # type: ignore[arg-type]  # the rest is never reached


async def asked(ports: Ports, http_method: str, path: str, body: bytes = b"") -> Response:
    """The app's answer to one request, without a socket."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    at = {"path": path, "raw_path": path.encode(), "query_string": b"", "scheme": "http"}
    scope = {"type": "http", "method": http_method, "headers": [], **at}
    await rest_app(ports)(scope, receive, send)
    start, whole = sent
    return Response(start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, whole["body"])


async def test_an_unexpected_error_is_500_and_tells_nobody_what_it_was(live: Live) -> None:
    with capture_logs() as logs:
        answer = await asked(broken(live, RuntimeError(SECRET)), "GET", "/v1/enterprises")

    assert 500 == answer.status
    assert {"error": {"code": 500, "message": "Internal error encountered.", "status": "INTERNAL"}} == json.loads(answer.body)
    (entry,) = logs
    assert ("api.failed", "error", "androidmanagement.enterprises.list", "RuntimeError") == tuple(
        entry[key] for key in ("event", "log_level", "method", "error")
    )
    assert entry["where"][-1].endswith(" enterprises")
    assert SECRET not in str(logs)


async def test_an_overloaded_server_asks_to_come_again(live: Live) -> None:
    body = json.dumps({"type": "RESET_PASSWORD", "newPassword": SECRET}).encode()

    with capture_logs() as logs:
        answer = await asked(broken(live, Overloaded(retry_after_s=3)), "POST", "/v1/enterprises/e/devices/d:issueCommand", body)

    error = json.loads(answer.body)["error"]
    assert (503, "3", "UNAVAILABLE") == (answer.status, answer.headers["retry-after"], error["status"])
    assert ["OVERLOADED", "3s"] == [error["details"][0]["reason"], error["details"][1]["retryDelay"]]
    assert SECRET not in str(logs) + answer.body.decode()


async def test_an_overloaded_server_that_names_no_time_still_sets_retry_after(live: Live) -> None:
    assert "1" == (await asked(broken(live, Overloaded()), "GET", "/v1/enterprises")).headers["retry-after"]


async def test_a_store_that_takes_no_writes_makes_the_server_not_ready_but_healthy(live: Live) -> None:
    ports = broken(live, RuntimeError())

    ready = await asked(ports, "GET", "/readyz")

    assert (503, {"status": "not ready", "reason": "The disk is full."}) == (ready.status, json.loads(ready.body))
    assert 200 == (await asked(ports, "GET", "/healthz")).status


async def test_a_websocket_is_closed_and_start_up_is_nobodys_business_here(live: Live) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await rest_app(live.ports)({"type": "websocket", "path": "/v1/enterprises"}, receive, send)
    assert ["websocket.close"] == [message["type"] for message in sent]
    with pytest.raises(RuntimeError, match="lifespan"):
        await rest_app(live.ports)({"type": "lifespan"}, receive, send)


def test_a_full_stack_is_logged_by_its_innermost_part() -> None:
    def endless() -> None:
        endless()

    with pytest.raises(RecursionError) as caught:
        endless()
    with capture_logs() as entries:
        log_failure("", caught.value)

    (entry,) = entries
    assert FRAMES_MOST == len(entry["where"])
    assert entry["where"][-1].endswith(" endless")
