"""Messages to a push endpoint, in the envelope of a Pub/Sub push subscription.

Source: Pub/Sub's documentation of push subscriptions; amapi.md §5.5, §5.6.
"""

import base64
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from yarl import URL

from heliograph.domain.push_addresses import PushAddresses
from heliograph.domain.web_address import HTTP, is_host
from heliograph.notifications.sessions import Sessions, is_not_allowed
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.times import format_timestamp
from heliograph.service.outbox import NotPublished, OutboxMessage

SUBSCRIPTION = "projects/heliograph/subscriptions/push"
"""The name in the envelopes to the server's own endpoint: there is one, so one subscription."""
ACKNOWLEDGED = frozenset({HTTPStatus.PROCESSING, HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT})
"""Pub/Sub's: 102, 200, 201, 202, 204. Everything else is tried again, a redirect too."""
OVERLOADED = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
"""With 5xx, the answers that are about the endpoint."""
ASKS_TO_WAIT = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
TIMEOUT_S = 10.0
"""Pub/Sub's shortest acknowledgement deadline."""


class NotAllowed(NotPublished):
    """The endpoint has an address that this server does not push to."""


class Answer(NamedTuple):
    """What an endpoint answered."""

    host: str
    status: int
    retry_after: str


async def post(sessions: Sessions, url: URL, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """The endpoint's answer; a redirect is one, and its body is not read.  Raises: NotPublished: there was none."""
    import aiohttp  # noqa: PLC0415 - see sessions.load

    host = url.host or ""
    session = sessions.to(plain=url.scheme == "http")
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
            return Answer(host, answer.status, answer.headers.get("Retry-After", ""))
    except TimeoutError:
        raise NotPublished(f"{host} did not answer within {session.timeout.total:g} s") from None
    except (aiohttp.ClientError, OSError) as error:
        if is_not_allowed(error):
            raise NotAllowed(f"{host} has an address that this server does not push to: see --push-allow-network") from None
        raise NotPublished(f"{host} could not be reached: {type(error).__qualname__}") from None


def require_acknowledged(answer: Answer) -> None:
    """Raises: NotPublished: the endpoint has not taken the message."""
    if answer.status not in ACKNOWLEDGED:
        only_this = not is_overloaded(answer)
        raise NotPublished(f"{answer.host} answered {answer.status}", only_this=only_this, retry_after_us=asked_us(answer))


def is_overloaded(answer: Answer) -> bool:
    """Whether the answer is about the endpoint: every other one may be about the one message."""
    return answer.status in OVERLOADED or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def asked_us(answer: Answer) -> int | None:
    """For how long the endpoint asks to be left alone; None: it does not."""
    return retry_after_us(answer.retry_after, now_s=time.time()) if answer.status in ASKS_TO_WAIT else None


class PushPublisher:
    """A Publisher to one endpoint that stands in no database. Its URL may hold a token, so texts show only its host."""

    def __init__(self, endpoint: str, *, addresses: PushAddresses | None = None, timeout_s: float = TIMEOUT_S) -> None:
        """`addresses`: as `Sessions` says.  Raises: InvalidArgument: `endpoint` is not an absolute http or https URL."""
        self._endpoint = _url(endpoint)
        self._sessions = Sessions(addresses, timeout_s=timeout_s)

    async def publish(self, message: OutboxMessage) -> None:
        """The endpoint acknowledged the message.  Raises: NotPublished."""
        require_acknowledged(await post(self._sessions, self._endpoint, push_body(message)))

    async def close(self) -> None:
        await self._sessions.close()


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


def push_body(message: OutboxMessage, *, subscription: str = SUBSCRIPTION) -> bytes:
    """The request's body; both spellings of the last two fields, as Pub/Sub itself sends them."""
    message_id, publish_time = str(message.message_id), format_timestamp(message.created_us)
    content: dict[str, Any] = {"attributes": {"notificationType": message.notification_type}}
    if message.data:
        content["data"] = base64.b64encode(message.data).decode()
    content |= {"messageId": message_id, "message_id": message_id, "publishTime": publish_time, "publish_time": publish_time}
    return msgspec.json.encode({"message": content, "subscription": subscription})
