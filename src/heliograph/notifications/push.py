"""Messages to a push endpoint, in the envelope of a Pub/Sub push subscription.

Source: Pub/Sub's documentation of push subscriptions; amapi.md §5.5, §5.6.
"""

import asyncio
import base64
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from heliograph.domain.web_address import HTTP, is_host
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.times import format_timestamp
from heliograph.service.outbox import NotPublished, OutboxMessage

SUBSCRIPTION = "projects/heliograph/subscriptions/push"
"""The name in every envelope: there is one endpoint, so one subscription."""
ACKNOWLEDGED = frozenset({HTTPStatus.PROCESSING, HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT})
"""Pub/Sub's: 102, 200, 201, 202, 204. Everything else is tried again, a redirect too."""
OVERLOADED = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
"""With 5xx, the answers that are about the endpoint: every other one may be about the one message."""
ASKS_TO_WAIT = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
TIMEOUT_S = 10.0
"""Pub/Sub's shortest acknowledgement deadline."""


class PushPublisher:
    """A Publisher to one endpoint. Its URL may hold a token, so texts show only its host."""

    def __init__(self, endpoint: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """Raises: InvalidArgument: `endpoint` is not an absolute http or https URL."""
        self._endpoint = _url(endpoint)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def publish(self, message: OutboxMessage) -> None:
        """The endpoint acknowledged the message.  Raises: NotPublished."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, headers={"Content-Type": "application/json", "User-Agent": "Heliograph"}
            )
        try:
            async with self._session.post(self._endpoint, data=push_body(message), allow_redirects=False) as answer:
                status, retry_after = answer.status, answer.headers.get("Retry-After", "")
        except TimeoutError:
            raise NotPublished(f"{self._endpoint.host} did not answer within {self._timeout.total:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NotPublished(f"{self._endpoint.host} could not be reached: {type(error).__qualname__}") from None
        if status not in ACKNOWLEDGED:
            asked_us = retry_after_us(retry_after, now_s=time.time()) if status in ASKS_TO_WAIT else None
            only_this = status not in OVERLOADED and status < HTTPStatus.INTERNAL_SERVER_ERROR
            raise NotPublished(f"{self._endpoint.host} answered {status}", only_this=only_this, retry_after_us=asked_us)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            # aiohttp closes TLS connections in the next turns of the loop.
            await asyncio.sleep(0)


def require_endpoint(endpoint: str) -> None:
    """Validate the address of a push endpoint.  Raises: InvalidArgument: it is not an absolute http or https URL."""
    _url(endpoint)


def retry_after_us(text: str, *, now_s: float) -> int | None:
    """How long a `Retry-After` header asks to wait, in seconds or until a date; None: it does not say.  Source: RFC 9110 §10.2.3."""
    if text.isascii() and text.isdecimal():
        return int(text[:9]) * 1_000_000
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0, round((at.timestamp() - now_s) * 1_000_000))


def _url(endpoint: str) -> URL:
    try:
        url = URL(endpoint if endpoint.isprintable() and not {" ", "\\"} & set(endpoint) else "")
    except ValueError:
        url = URL()
    host = url.raw_host or ""
    if url.scheme not in HTTP or not is_host(f"[{host}]" if ":" in host else host):
        raise InvalidArgument("The push endpoint must be an absolute http or https URL, such as http://127.0.0.1:9000/notifications.")
    return url


def push_body(message: OutboxMessage) -> bytes:
    """The request's body; both spellings of the last two fields, as Pub/Sub itself sends them."""
    message_id, publish_time = str(message.message_id), format_timestamp(message.created_us)
    content: dict[str, Any] = {"attributes": {"notificationType": message.notification_type}}
    if message.data:
        content["data"] = base64.b64encode(message.data).decode()
    content |= {"messageId": message_id, "message_id": message_id, "publishTime": publish_time, "publish_time": publish_time}
    return msgspec.json.encode({"message": content, "subscription": SUBSCRIPTION})
