"""What a phone hears and says on its line to the server, for the history: its transport reports it, whatever its agent makes of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from heliograph.agent.keep_alive import Keeper
from heliograph.agent.runner import Line
from heliograph.agent.traffic import Traffic
from heliograph.agent.transport import Reply, Transport
from heliograph.history.events import Moment
from heliograph.protocol import Acknowledge, Hello, Message, Offer, PhonePolicy, Report, ReportState

Tell = Callable[[Moment, str], None]
"""`tell(moment, operation)`"""


@dataclass(frozen=True, kw_only=True)
class WitnessedLine(Line):
    """A line that reports its messages."""

    tell: Tell = field(repr=False)

    def transport(self, traffic: Traffic | None = None, keeper: Keeper | None = None) -> Transport:
        return WitnessedTransport(super().transport(traffic, keeper), self.tell)


class _Dropped(msgspec.Struct):
    drop: str = ""


class WitnessedTransport:
    """A `Transport` that reports every connection, offer, progress report and drop."""

    def __init__(self, inner: Transport, tell: Tell) -> None:
        self._inner = inner
        self._tell = tell

    @property
    def needs_pings(self) -> bool:
        return self._inner.needs_pings

    async def connect(self, credential: str, hello: Hello) -> Reply:
        self._tell(Moment.CONNECTING, "")
        return await self._inner.connect(credential, hello)

    async def send(self, message: Message) -> Reply:
        if isinstance(message, Report) and message.state is ReportState.PROGRESS:
            self._tell(Moment.PROGRESS, message.operation)
        reply = await self._inner.send(message)
        if isinstance(message, Acknowledge) and reply.ok and msgspec.json.decode(reply.body, type=_Dropped).drop:
            self._tell(Moment.TOLD_TO_DROP, message.operation)
        return reply

    async def next_offer(self) -> Offer | PhonePolicy | Reply:
        news = await self._inner.next_offer()
        if isinstance(news, Offer):
            self._tell(Moment.OFFERED, news.operation)
        return news

    async def post(self, message: Message, credential: str = "") -> Reply:
        return await self._inner.post(message, credential)

    async def cut(self) -> None:
        await self._inner.cut()

    async def close(self) -> None:
        await self._inner.close()
