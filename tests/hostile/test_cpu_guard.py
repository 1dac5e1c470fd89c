"""One tenant sends every hostile request there is, several at a time; another tenant hardly notices."""

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tests.hostile.requests import HOSTILE, JSON, Hostile
from tests.load.serve_process import ServeProcess

ATTACKERS = 3
ROUNDS = 2
ATTEMPTS = 6
"""A busy machine holds anybody up now and then; a server that a request stops is stopped each time."""
NOTICEABLE_S = 0.1
ORDINARY = json.dumps({"applications": [{"packageName": f"com.example.app{number}"} for number in range(2_000)]}).encode()
"""A policy of some size, as a customer may well have."""
LEAST_REQUESTS = 150
SLOWER = 4
"""Times the figure beside as many ordinary requests, if the machine is so busy that this is more than NOTICEABLE_S."""


def call(connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """Status and body of the answer."""
    connection.request(method, path, body=body or None, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


class Tenant:
    """A caller with an enterprise of its own, and the times that its requests took."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.enterprise = ""
        self.took_s: list[float] = []
        self.statuses: set[int] = set()

    def create(self) -> None:
        """The enterprise is there."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        path = "/v1/enterprises?agreementAccepted=true&projectId=p"
        status, body = call(connection, "POST", path, b"{}")
        assert 200 == status, body
        self.enterprise = json.loads(body)["name"]
        connection.close()

    def work(self, done: threading.Event, at_least: int = 0) -> None:
        """Reads and writes, one request after the other, until `done`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        number = 0
        while number < at_least or not done.is_set():
            number += 1
            began = time.perf_counter()
            if number % 2:
                status, _ = call(connection, "GET", f"/v1/{self.enterprise}")
            else:
                status, _ = call(connection, "PATCH", f"/v1/{self.enterprise}/policies/p{number % 8}", b'{"cameraDisabled": true}')
            self.took_s.append(time.perf_counter() - began)
            self.statuses.add(status)
            time.sleep(0.002)
        connection.close()


def p99(took_s: Sequence[float]) -> float:
    """The 99th percentile."""
    return sorted(took_s)[min(len(took_s) - 1, len(took_s) * 99 // 100)]


def attack(port: int, requests: Sequence[Hostile]) -> None:
    """Sends each; what the server answers is its business."""
    for request in requests:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        try:
            call(connection, request.http_method, request.path, request.body, **dict(request.headers))
        except (OSError, http.client.HTTPException):  # refused before all of it was sent
            pass
        finally:
            connection.close()


def beside(port: int, victim: Tenant, requests: Sequence[Hostile]) -> float:
    """The victim's p99 in seconds while attackers send these requests."""
    victim.took_s = []
    done = threading.Event()
    work = threading.Thread(target=victim.work, args=(done, LEAST_REQUESTS))
    work.start()
    attackers = [
        threading.Thread(target=attack, args=(port, [*requests[number:], *requests[:number]] * ROUNDS)) for number in range(ATTACKERS)
    ]
    for attacker in attackers:
        attacker.start()
    for attacker in attackers:
        attacker.join()
    done.set()
    work.join()
    return p99(victim.took_s)


async def test_a_tenant_hardly_notices_that_another_sends_every_hostile_request(tmp_path: Path) -> None:
    async with ServeProcess(tmp_path) as server:
        hostile, victim = Tenant(server.port), Tenant(server.port)
        await asyncio.to_thread(hostile.create)
        await asyncio.to_thread(victim.create)
        requests = [request.aimed_at(f"{hostile.enterprise}/devices/d") for request in HOSTILE.values()]
        ordinary = [Hostile("PATCH", f"/v1/{hostile.enterprise}/policies/p", ORDINARY, JSON)] * len(requests)

        seen: list[tuple[float, float]] = []
        for _ in range(ATTEMPTS):
            ordinary_s = await asyncio.to_thread(beside, server.port, victim, ordinary)
            attacked_s = await asyncio.to_thread(beside, server.port, victim, requests)
            seen.append((ordinary_s, attacked_s))
            if attacked_s < max(NOTICEABLE_S, SLOWER * ordinary_s):
                break

    assert {200} == victim.statuses
    ordinary_s, attacked_s = seen[-1]
    assert attacked_s < max(NOTICEABLE_S, SLOWER * ordinary_s), seen
