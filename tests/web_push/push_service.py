"""A push service like FCM's, Mozilla's or a distributor's of UnifiedPush, and the phones that have subscribed to it.

It trusts no code of Heliograph's: tokens are verified by py_vapid, messages are decrypted by http_ece, each phone with its own key.
"""

import asyncio
import base64
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import http_ece
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from heliograph.domain.web_push import PushKeys
from heliograph.protocol import PushSubscription
from tests.patience import PATIENCE_S

QUIET_S = 0.3
"""Long enough that a message which is sent at once would have come."""


@dataclass(frozen=True)
class Delivered:
    """One message as its phone reads it."""

    plain: bytes
    headers: Mapping[str, str]
    """By their names in lower case."""
    claims: Mapping[str, Any]
    """Of the token."""
    body: bytes


@dataclass
class Subscription:
    """A phone's: it alone has the private key."""

    id: str
    server_key: str
    """The only application server that may use it, base64url."""
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    on_message: Callable[[], None] = lambda: None
    received: list[Delivered] = field(default_factory=list)

    def keys(self) -> PushKeys:
        """What the application server encrypts with."""
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return PushKeys(p256dh=_text(point), auth=_text(self.auth))


@dataclass(frozen=True)
class Planned:
    """An answer that is given whatever the request is."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


class PushService:
    """Answers 201, or what is planned next, or nothing while it is stopped up."""

    def __init__(self) -> None:
        self.url = ""
        self.subscriptions: dict[str, Subscription] = {}
        self.planned: list[Planned] = []
        self.requests = 0
        self.in_progress = 0
        self.in_progress_most = 0
        self.flows = asyncio.Event()
        """Cleared: requests come in, and are not answered."""
        self.flows.set()
        self._came = asyncio.Event()

    def subscribe(self, server_key: str, on_message: Callable[[], None] = lambda: None) -> Subscription:
        """A new subscription for this application server."""
        made = Subscription(secrets.token_urlsafe(16), server_key, on_message=on_message)
        self.subscriptions[made.id] = made
        return made

    def message_of(self, subscription: Subscription) -> PushSubscription:
        """What the phone gives its server."""
        return PushSubscription(endpoint=f"{self.url}/push/{subscription.id}", keys=subscription.keys())

    async def handle(self, request: web.Request) -> web.Response:
        """One message."""
        self.requests += 1
        self._came.set()
        self.in_progress += 1
        self.in_progress_most = max(self.in_progress_most, self.in_progress)
        try:
            await self.flows.wait()
        finally:
            self.in_progress -= 1
        if self.planned:
            planned = self.planned.pop(0)
            return web.Response(status=planned.status, headers=planned.headers)
        subscription = self.subscriptions.get(request.match_info["id"])
        if subscription is None:
            return web.Response(status=404)
        return web.Response(status=self._taken(subscription, request, await request.read()))

    def _taken(self, subscription: Subscription, request: web.Request, body: bytes) -> int:
        headers = {name.lower(): value for name, value in request.headers.items()}
        authorization = headers.get("authorization", "")
        if not authorization.startswith("vapid ") or not authorization.endswith(f"k={subscription.server_key}"):
            return 403
        spaceless = authorization.replace(", ", ",")  # py_vapid splits at spaces; RFC 9110 allows them
        claims = json.loads(_bytes(spaceless.partition("t=")[2].split(".")[1]))
        if not Vapid02.verify(spaceless) or claims["aud"] != self.url or not 0 < claims["exp"] - time.time() <= 24 * 3_600:
            return 403
        if not headers.get("ttl", "").isdecimal():
            return 400
        plain = http_ece.decrypt(body, private_key=subscription.private, auth_secret=subscription.auth, version=headers["content-encoding"])
        subscription.received.append(Delivered(plain, headers, claims, body))
        self._came.set()
        subscription.on_message()
        return 201

    async def until(self, condition: Callable[[], bool]) -> None:
        """Returns once the condition holds; looked at with each request.  Raises: TimeoutError."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._came.clear()
                await self._came.wait()

    async def asked(self, times: int) -> None:
        """Returns once so many requests have come."""
        await self.until(lambda: self.requests >= times)

    async def quiet(self) -> int:
        """How many requests have come, after a time in which one that was on its way would have."""
        await asyncio.sleep(QUIET_S)
        return self.requests


@contextlib.asynccontextmanager
async def push_service() -> AsyncIterator[PushService]:
    """A push service on a loopback port."""
    service = PushService()
    app = web.Application()
    app.router.add_post("/push/{id}", service.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield service
    finally:
        service.flows.set()
        await runner.cleanup()


def _text(plain: bytes) -> str:
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
