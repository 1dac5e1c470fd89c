"""Messages to the push endpoints of enterprises: guarded, since tenants name the URLs, and signed."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

from yarl import URL

from heliograph.domain.names import PushEndpointName
from heliograph.domain.push_endpoint import PushEndpoint, PushEndpointRecord, schemes_of
from heliograph.notifications.push import TIMEOUT_S, post, push_body, require_acknowledged
from heliograph.notifications.sessions import Sessions
from heliograph.notifications.signatures import token_claims, webhook_headers
from heliograph.protojson.errors import HeliographError, Unavailable
from heliograph.service.outbox import DestinationClosed, NotPublished, OutboxMessage
from heliograph.service.ports import Ports
from heliograph.service.push_endpoints import close_push_endpoint
from heliograph.service.signing_keys import push_token
from heliograph.service.webhook_keys import opened_secret

TOKEN_USED_S = 1_800
"""A token is signed once for so many seconds of requests to one endpoint: half of its life, so a slow receiver still finds it valid."""
TOKENS_MOST = 4_096
GONE = "It answered 410 Gone."


class SignedToken(NamedTuple):
    """A token, and when it was signed: by its receiver's clock, and by the server's, by which its key ends and which a sandbox moves."""

    text: str
    at_s: float
    at_us: int

    def serves(self, now_s: float, now_us: int) -> bool:
        """Whether another request may carry it."""
        return 0 <= now_s - self.at_s < TOKEN_USED_S and 0 <= now_us - self.at_us < TOKEN_USED_S * 1_000_000


class EndpointPublisher:
    """A Publisher to the push endpoints that the store knows: what a caller changes holds for the next message."""

    def __init__(self, ports: Ports, *, timeout_s: float = TIMEOUT_S, wall_s: Callable[[], float] = time.time) -> None:
        """`wall_s`: receivers compare timestamps and tokens with their own clocks, and not with a sandbox's."""
        self._ports = ports
        self._sessions = Sessions(ports.push_addresses, timeout_s=timeout_s)
        self._wall_s = wall_s
        self._tokens: dict[tuple[str, ...], SignedToken] = {}

    async def publish(self, message: OutboxMessage) -> None:
        """The endpoint acknowledged the message.  Raises: NotPublished; DestinationClosed: it is deleted, disabled, or gone."""
        name = PushEndpointName.parse(message.destination)
        try:
            record = await self._ports.store.record(PushEndpointRecord, name)
            if record is None:
                raise DestinationClosed("the push endpoint was deleted")
            if not record.enabled:
                raise DestinationClosed(f"the push endpoint is disabled: {record.disabled_reason}")
            await self._send(record, message)
        except Unavailable as error:
            raise NotPublished(f"the database does not answer: {error.message}", only_this=True) from None

    async def _send(self, record: PushEndpointRecord, message: OutboxMessage) -> None:
        endpoint = record.message
        body = push_body(message, subscription=f"projects/{record.name.enterprise}/subscriptions/{record.name.push_endpoint}")
        headers = {
            **self._webhook_headers(record, endpoint, str(message.message_id), body),
            **await self._authorization(record, endpoint),
        }
        answer = await post(self._sessions, URL(endpoint.url), body, headers)
        if answer.status == HTTPStatus.GONE:
            await close_push_endpoint(self._ports, record.name, url=endpoint.url, reason=GONE)
            raise DestinationClosed(f"{answer.host} answered {answer.status}")
        require_acknowledged(answer)

    def _webhook_headers(self, record: PushEndpointRecord, endpoint: PushEndpoint, message_id: str, body: bytes) -> dict[str, str]:
        schemes = schemes_of(endpoint)
        if not schemes:
            return {}
        try:
            keys = record.living_keys(self._ports.clock.now_us())
            secrets = [opened_secret(self._ports, record.name, one) for one in keys]
        except HeliographError:
            raise NotPublished("its secret was sealed with a key file that is lost: rotate it") from None
        return dict(webhook_headers(message_id, body, now_s=int(self._wall_s()), schemes=schemes, secrets=secrets))

    async def _authorization(self, record: PushEndpointRecord, endpoint: PushEndpoint) -> dict[str, str]:
        oidc = endpoint.signing.oidc if endpoint.signing is not None else None
        if oidc is None:
            return {}
        now_s, now_us = self._wall_s(), self._ports.clock.now_us()
        claims = token_claims(record.name, endpoint.url, oidc, issuer=record.issuer, now_s=int(now_s))
        key = (*map(str, record.name), str(claims["aud"]), oidc.service_account_email, record.issuer)
        token = self._tokens.get(key)
        if token is None or not token.serves(now_s, now_us):
            token = SignedToken(await push_token(self._ports, claims), now_s, now_us)
            while len(self._tokens) >= TOKENS_MOST:
                del self._tokens[next(iter(self._tokens))]
            self._tokens[key] = token
        return {"Authorization": f"Bearer {token.text}"}

    async def close(self) -> None:
        await self._sessions.close()
