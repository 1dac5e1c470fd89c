"""Messages to Google's Pub/Sub, or to its emulator if PUBSUB_EMULATOR_HOST is set; with Google's own client."""

import asyncio
import importlib.util
from typing import TYPE_CHECKING

from heliograph.protojson.errors import FailedPrecondition
from heliograph.service.outbox import NotPublished, OutboxMessage

if TYPE_CHECKING:
    from google.cloud.pubsub_v1 import PublisherClient

TIMEOUT_S = 30.0
"""For one message, the client's own repetitions included."""


class PubsubMissing(FailedPrecondition):
    """Publishing to Pub/Sub needs Google's client: pip install "heliograph[pubsub]"."""


class PubsubPublisher:
    """A Publisher to the topic that a message names. The client is made, and finds its credentials, with the first message."""

    def __init__(self) -> None:
        """Raises: PubsubMissing."""
        if not _installed():
            raise PubsubMissing
        self._client: PublisherClient | None = None
        self._making = asyncio.Lock()

    async def publish(self, message: OutboxMessage) -> None:
        """The topic has the message. Pub/Sub gives its own message id, which is stable over its redeliveries.  Raises: NotPublished."""
        from google.api_core.exceptions import GoogleAPIError  # noqa: PLC0415 - an extra, and slow to import
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

        try:
            client = await self._made()
            sent = client.publish(message.destination, message.data, notificationType=message.notification_type)
            await asyncio.wait_for(asyncio.wrap_future(sent), TIMEOUT_S)
        except TimeoutError:
            raise NotPublished(f"{message.destination}: no answer within {TIMEOUT_S:g} s") from None
        except (GoogleAPIError, GoogleAuthError) as error:
            raise NotPublished(f"{message.destination}: {type(error).__qualname__}: {str(error)[:200]}") from None

    async def close(self) -> None:
        if self._client is not None:
            await asyncio.to_thread(self._client.stop)
            self._client.transport.close()  # type: ignore[no-untyped-call]

    async def _made(self) -> "PublisherClient":
        async with self._making:
            if self._client is None:
                # Finding credentials may ask files and the network.
                self._client = await asyncio.to_thread(_make_client)
            return self._client


def _installed() -> bool:
    try:
        return importlib.util.find_spec("google.cloud.pubsub_v1") is not None
    except ModuleNotFoundError:
        return False


def _make_client() -> "PublisherClient":
    from google.cloud.pubsub_v1 import PublisherClient  # noqa: PLC0415

    return PublisherClient()
