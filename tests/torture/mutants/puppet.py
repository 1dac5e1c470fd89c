"""A phone that does what a scenario says, otherwise does it right: journal, boot id and all are in the scenario's head."""

import secrets

import aiohttp
import msgspec

from heliograph.history.events import Acted, Moment, Reached
from heliograph.history.file import History
from tests.channel.phones import HttpPhone, Json, Reply

GONE = 410


class Puppet:
    """One phone on a long-poll line; what it hears and does stands in the history."""

    def __init__(self, id: str, device: str, credential: str, *, http: aiohttp.ClientSession, url: str, history: History) -> None:
        self.id = id
        self.device = device
        self.managed = True
        self._credential = credential
        self._http, self._url, self._history = http, url, history
        self._incarnation = 0
        self._types: dict[str, str] = {}
        self._ack_ids: dict[str, str] = {}
        self._seq: dict[str, int] = {}

    def clone(self) -> "Puppet":
        """The same phone from a backup: one credential, another mind."""
        clone = Puppet(self.id, self.device, self._credential, http=self._http, url=self._url, history=self._history)
        clone._incarnation = self._incarnation + 100
        return clone

    async def connect(self) -> None:
        """A new connection."""
        if not self.managed:
            return
        self._incarnation += 1
        self._reach(Moment.CONNECTING)
        self._line = HttpPhone(self._http, self._url, self._credential)
        in_flight = [{"operation": name, "ackId": ack_id, "state": "executing"} for name, ack_id in self._ack_ids.items()]
        await self._heed(await self._line.hello(*in_flight))

    async def offer(self, within_s: float = 0.2) -> str:
        """The operation that it is offered, empty without an offer."""
        reply = await self._line.poll(within_s) if self.managed else Reply(200, {})
        await self._heed(reply)
        offer = reply.body.get("offer")
        if not offer:
            return ""
        name: str = offer["operation"]
        self._types[name] = offer["command"]["type"]
        self._reach(Moment.OFFERED, name)
        return name

    async def acknowledge(self, operation: str) -> bool:
        """Whether it is let."""
        self._ack_ids.setdefault(operation, secrets.token_hex(16))
        self._reach(Moment.ACKING, operation)
        reply = await self._line.send("acknowledge", operation, ackId=self._ack_ids[operation])
        let = reply.status == 200 and "drop" not in reply.body and reply.body.get("startWithinMs", 0) > 0
        if not let:
            del self._ack_ids[operation]
        self._reach(Moment.ACKNOWLEDGED if let else Moment.TOLD_TO_DROP, operation)
        await self._heed(reply)
        return let

    def begin(self, operation: str) -> None:
        """The command begins."""
        self._reach(Moment.EXECUTING, operation)
        self._act(operation, "began")

    async def end(self, operation: str, **report: object) -> None:
        """The command is done, and reported as a success, or as `report` says."""
        self._act(operation, "ended")
        self._reach(Moment.RESULT, operation)
        await self.report(operation, **report or {"state": "SUCCEEDED"})
        self._reach(Moment.REPORTED, operation)
        self._reach(Moment.DROPPED, operation)

    async def report(self, operation: str, **report: object) -> None:
        """The server has heard this."""
        self._seq[operation] = self._seq.get(operation, 0) + 1
        await self._line.send("report", operation, ackId=self._ack_ids[operation], seq=self._seq[operation], **report)

    async def obey(self, operation: str) -> None:
        """The command was carried out, if it was let."""
        if await self.acknowledge(operation):
            self.begin(operation)
            await self.end(operation)
            del self._ack_ids[operation]

    async def obey_all(self) -> None:
        """Nothing is offered any more."""
        while operation := await self.offer():
            await self.obey(operation)

    async def misname(self) -> None:
        """It acknowledges what no one has issued."""
        await self._line.send("acknowledge", f"{self.device}/operations/1", ackId=secrets.token_hex(16))

    async def _heed(self, reply: Reply) -> None:
        """The last order is carried out, confirmed, and the credential forgotten."""
        order: Json = reply.body.get("lastOrder", {})
        if reply.status != GONE or not order or not self.managed:
            return
        operation = order.get("operation", "")
        self._types[operation] = order["type"]
        self._reach(Moment.ORDERED, operation)
        self._act(operation, "began")
        self._act(operation, "ended")
        self.managed = False
        await self._line.send("orderCarriedOut")

    def _reach(self, moment: Moment, operation: str = "") -> None:
        self._history.record(Reached(phone=self.id, incarnation=self._incarnation, moment=moment, operation=operation))

    def _act(self, operation: str, step: str) -> None:
        succeeded = True if step == "ended" else None
        acted = Acted(phone=self.id, incarnation=self._incarnation, operation=operation, type=self._types[operation], step=step)
        self._history.record(msgspec.structs.replace(acted, succeeded=succeeded))
