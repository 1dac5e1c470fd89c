"""The long-poll transport: one request waits for offers while others carry messages."""

import random
from collections.abc import Mapping

import msgspec

from heliograph.agent.client import Client, bearer
from heliograph.agent.keep_alive import Keeper
from heliograph.agent.transport import CONFLICT, KIND_OF, NEWER_CONNECTION_RETRY_S, REPLY_WITHIN_S, ConnectionLost, Reply
from heliograph.protocol import LONG_POLL_MAX_S, Acknowledge, Begin, Hello, Message, Offer, PhonePolicy, Refuse, Report
from heliograph.protojson.messages import encode_message
from heliograph.protojson.parser import MALFORMED

CONNECTION_HEADER = "Heliograph-Connection"
CONNECTION_ID_BITS = 64


class _Polled(msgspec.Struct, frozen=True, rename="camel"):
    offer: Offer | None = None
    policy: PhonePolicy | None = None
    retry_after_ms: int = 0


_decode = msgspec.json.Decoder(_Polled).decode


class LongPollTransport:
    """A `Transport` over plain HTTP requests, tied together by an id of the phone's choice."""

    needs_pings = False

    def __init__(
        self, http_client: Client, chance: random.Random, *, wait_s: int = LONG_POLL_MAX_S, keeper: Keeper | None = None
    ) -> None:  # fmt: skip
        """`keeper`: learns what silences the way to the server lets pass; `wait_s`: how long polls wait without it."""
        self._keeper = keeper
        self._http_client = http_client
        self._chance = chance
        self._wait_s = wait_s
        self._headers: dict[str, str] | None = None

    async def connect(self, credential: str, hello: Hello) -> Reply:
        await self.cut()
        headers = bearer(credential) | {CONNECTION_HEADER: f"{self._chance.getrandbits(CONNECTION_ID_BITS):016x}"}
        reply = await self._http_client.post(KIND_OF[Hello], encode_message(hello), headers)
        if reply.ok:
            self._headers = headers
        return reply

    async def send(self, message: Message) -> Reply:
        if self._headers is None:
            raise ConnectionLost("not connected")
        return await self._http_client.post(_path(message), encode_message(message), self._headers)

    async def next_offer(self) -> Offer | PhonePolicy | Reply:
        while True:
            if self._headers is None:
                raise ConnectionLost("not connected")
            reply = await self._poll(self._headers)
            if not reply.ok:
                return await self._rejected(reply)
            try:
                polled = _decode(reply.body)
            except MALFORMED as error:
                raise ConnectionLost(f"no answer to a poll: {error}") from None
            if polled.offer is not None:
                return polled.offer
            if polled.policy is not None:
                return polled.policy
            if polled.retry_after_ms:
                await self.cut()
                raise ConnectionLost("the server stops", retry_after_s=polled.retry_after_ms / 1_000)

    async def _poll(self, headers: Mapping[str, str]) -> Reply:
        keeper = self._keeper
        if keeper is None or keeper.agreed is None:
            return await self._http_client.get(f"commands?wait={self._wait_s}", headers, within_s=self._wait_s + REPLY_WITHIN_S)
        keeper.begin()
        wait_s = keeper.wanted.every_s
        try:
            reply = await self._http_client.get(f"commands?keepAlive={wait_s}", headers, within_s=wait_s + REPLY_WITHIN_S)
        except ConnectionLost:
            if self._headers is not None:  # else it was cut here
                keeper.lost(at_most_s=wait_s)
            raise
        keeper.heard()
        return reply

    async def post(self, message: Message, credential: str = "") -> Reply:
        return await self._http_client.post(KIND_OF[type(message)], encode_message(message), bearer(credential))

    async def cut(self) -> None:
        self._headers = None
        await self._http_client.shut()

    async def close(self) -> None:
        await self.cut()

    async def _rejected(self, reply: Reply) -> Reply:
        if reply.status == CONFLICT:
            await self.cut()
            raise ConnectionLost("a newer connection has taken over", retry_after_s=NEWER_CONNECTION_RETRY_S)
        return reply


def _path(message: Message) -> str:
    """The path of a message: those about an operation go to the operation's own path."""
    kind = KIND_OF[type(message)]
    return f"{message.operation}:{kind}" if isinstance(message, Acknowledge | Begin | Refuse | Report) else kind
