"""The API of one world as its callers meet it: each call may meet a fault, is counted, and stands in the request journal.

It stands around the API behind the edge, so it sees requests as the API does: unpacked, untunnelled, and each call of a batch by itself.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from heliograph.api.http.cutting import cut_off
from heliograph.api.http.request_body import BODY_MAX_BYTES, read_body
from heliograph.api.http.sending import NO_SNIFFING
from heliograph.api.http.streaming import stream_wanted
from heliograph.asgi import Asgi, ClientGone, Message, Receive, Scope, Send, answer_of
from heliograph.protojson.errors import HeliographError, NotFound
from heliograph.sandbox.calls import ApiCall, read_call
from heliograph.sandbox.fault_answers import answer_to, error_of, expired_token, forced, html_of, operation_not_found, undone
from heliograph.sandbox.fault_checks import seconds
from heliograph.sandbox.fault_messages import Cut, OperationFate
from heliograph.sandbox.faults import Fault, Faults
from heliograph.sandbox.quota_report import QuotaReport
from heliograph.sandbox.request_journal import CUT, Answer, Passage, RequestJournal, record_of
from heliograph.sandbox.retry_test import HEADER, Instruction, RetryTests

IN_BATCH: Final = "heliograph.in_batch"
NOTHING_ANSWERED: Final = Answer(status=CUT)


@dataclass(slots=True, kw_only=True)
class Delivery:
    """What a call is answered, and how much of that reaches the caller."""

    answer: Answer
    faults: list[str] = field(default_factory=list)
    what: list[str] = field(default_factory=list)
    reset: bool = False
    """The connection is reset instead."""
    break_after: int | None = None
    """The connection is closed after so many bytes of the body."""
    stall_s: float = 0.0
    """So long nothing comes after `stall_after` bytes of the body."""
    stall_after: int = 0


class MetApi:
    """See above; the objects that it works with belong to one world."""

    def __init__(
        self, app: Asgi, *, faults: Faults, retry_tests: RetryTests, journal: RequestJournal, quota: QuotaReport, body_timeout_s: float
    ) -> None:
        """`app` answers what no fault answers."""
        self._app = app
        self._body_timeout_s = body_timeout_s
        self._faults = faults
        self._retry_tests = retry_tests
        self._journal = journal
        self._quota = quota

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        call = read_call(scope) if scope["type"] == "http" else None
        if call is None or (call.row is not None and call.row.streams and stream_wanted(scope)):
            await self._app(scope, receive, send)
            return
        if call.is_batch:
            scope = {**scope, IN_BATCH: True}
        begun, began_s = self._journal.begin(), time.perf_counter()  # uvloop's own time stands within a turn of the loop
        exchange = _Exchange(self._app, scope, receive, body_timeout_s=self._body_timeout_s)
        delivery = await self._met(call, exchange)
        duration_s = time.perf_counter() - began_s
        # Before it is sent: a caller with the answer finds it in the journal.
        self._note(call, exchange, delivery, begun, duration_s, in_batch=not call.is_batch and IN_BATCH in scope)
        await _deliver(delivery, scope, receive, send)

    def _note(
        self, call: ApiCall, exchange: "_Exchange", delivery: Delivery, begun: tuple[int, int], duration_s: float, *, in_batch: bool
    ) -> None:  # fmt: skip
        if call.is_batch and delivery.answer.status < 400:  # noqa: PLR2004 - its calls stand there by themselves
            return
        cut = delivery.reset or delivery.break_after is not None
        passage = Passage(
            call=call, begun=begun, duration_s=duration_s, headers=exchange.headers, body=b"" if call.is_batch else exchange.body,
            answer=delivery.answer, cut=cut, faults=tuple(delivery.faults), what="; ".join(delivery.what), in_batch=in_batch,
        )  # fmt: skip
        record = record_of(passage)
        self._journal.record(record)
        self._quota.count(record)

    async def _met(self, call: ApiCall, exchange: "_Exchange") -> Delivery:
        """What happens to the call."""
        if not call.is_batch:
            await exchange.read()
        if call.row is None:
            return Delivery(answer=await exchange.answer())
        if test_id := exchange.header(HEADER):
            try:
                found = await self._retry_test(call, exchange, test_id)
            except NotFound as error:
                return Delivery(answer=answer_to(error))
            if found is not None:
                return found
        return await self._met_faults(call, exchange)

    async def _retry_test(self, call: ApiCall, exchange: "_Exchange", test_id: str) -> Delivery | None:
        """What the next instruction for this method makes of the call; None: no instruction, or the call is too small for it.

        Raises: RetryTestNotFound.
        """
        test = self._retry_tests.find(test_id)
        instruction = test.peek(call.method)
        if instruction is None:
            return None
        by = [f"retry_test/{test.id}"]
        if instruction.status or instruction.reset:
            if len(exchange.body) < instruction.from_request_bytes or not test.consume(call.method, instruction):
                return None
            answer = forced(instruction.status) if instruction.status else NOTHING_ANSWERED
            return Delivery(answer=answer, faults=by, what=[instruction.text], reset=instruction.reset)
        answer = await exchange.answer()
        if not _applies(instruction, exchange.body, answer) or not test.consume(call.method, instruction):
            return Delivery(answer=answer)
        return Delivery(
            answer=answer, faults=by, what=[instruction.text], break_after=instruction.break_after_bytes, stall_s=instruction.stall_s,
            stall_after=instruction.stall_after_bytes,
        )  # fmt: skip

    async def _met_faults(self, call: ApiCall, exchange: "_Exchange") -> Delivery:
        """Every latency on the way, and the first other fault that has an effect."""
        names: list[str] = []
        what: list[str] = []
        for fault in self._faults.of_call(call):
            if fault.effect == "latency":
                self._meet(fault, names)
                what.append(f"waited {fault.wanted.latency}")
                await asyncio.sleep(seconds(fault.wanted.latency))
                continue
            delivery = await self._happened(fault, call, exchange, names)
            if delivery is not None:
                delivery.faults, delivery.what = names, what + delivery.what
                return delivery
        return Delivery(answer=await exchange.answer(), faults=names, what=what)

    def _meet(self, fault: Fault, names: list[str]) -> None:
        self._faults.meet(fault)
        names.append(fault.name)

    async def _happened(self, fault: Fault, call: ApiCall, exchange: "_Exchange", names: list[str]) -> Delivery | None:
        """What the fault makes of the call; None: it has no effect on it."""
        match fault.effect:
            case "cut":
                return await self._cut(fault, exchange, names)
            case "operation":
                return await self._operation(fault, exchange, names)
        self._meet(fault, names)
        wanted = fault.wanted
        if wanted.error is not None:
            answer = error_of(wanted.error)
        else:
            answer = html_of(wanted.html) if wanted.html is not None else expired_token(call)
        return Delivery(answer=answer, what=[f"answered {answer.status}, and nothing was done"])

    async def _cut(self, fault: Fault, exchange: "_Exchange", names: list[str]) -> Delivery:
        self._meet(fault, names)
        if fault.wanted.cut is Cut.BEFORE_EFFECT:
            return Delivery(answer=NOTHING_ANSWERED, reset=True, what=["connection reset, and nothing was done"])
        answer = await exchange.answer()
        if fault.wanted.cut is Cut.AFTER_EFFECT:
            return Delivery(answer=answer, reset=True, what=["done, and the connection reset instead of this answer"])
        return Delivery(answer=answer, break_after=len(answer.body) // 2, what=["done, and the connection closed within this answer"])

    async def _operation(self, fault: Fault, exchange: "_Exchange", names: list[str]) -> Delivery | None:
        if fault.wanted.operation is OperationFate.NOT_FOUND:
            self._meet(fault, names)
            return Delivery(answer=operation_not_found(), what=["answered as if there was no operation"])
        answer = undone(await exchange.answer())
        if answer is None or fault.spent:
            return None
        self._meet(fault, names)
        return Delivery(answer=answer, what=["answered as if the operation was not done"])


class _Exchange:
    """One request on its way to the API and what came back, each at most once."""

    def __init__(self, app: Asgi, scope: Scope, receive: Receive, *, body_timeout_s: float) -> None:
        self._app = app
        self._body_timeout_s = body_timeout_s
        self._scope = scope
        self._receive = receive
        self._chunks: list[bytes] = []
        self._held = 0
        self._whole: bytes | HeliographError | ClientGone | None = None
        """The body, or what kept it from being read; None: it is still to come."""
        self._answer: Answer | None = None
        self.headers: tuple[tuple[bytes, bytes], ...] = tuple(scope["headers"])

    @property
    def body(self) -> bytes:
        """The request's body, as far as it was read."""
        return b"".join(self._chunks)

    def header(self, name: bytes) -> str:
        """The request's header; empty: no such header."""
        return next((value.decode("latin-1").strip() for key, value in self.headers if key == name), "")

    async def read(self) -> None:
        """The body is here, if the API would take it: an answer to a request that is still being sent gets lost.

        One that it would not take is refused when the API asks for it, after what it looks at before.
        """
        try:
            self._whole = await read_body(self._received, max_bytes=BODY_MAX_BYTES, timeout_s=self._body_timeout_s)
        except (HeliographError, ClientGone) as error:
            self._whole = error

    async def answer(self) -> Answer:
        """What the API answers; it does what it was asked for."""
        if self._answer is None:
            start, body = await answer_of(self._app, self._scope, self._given)
            headers = tuple(header for header in start.get("headers", ()) if header[0] not in {b"content-length", NO_SNIFFING[0]})
            self._answer = Answer(status=start.get("status", CUT), headers=headers, body=body)
        return self._answer

    async def _given(self) -> Message:
        """The body that was read already, else what comes.  Raises: what kept it from being read."""
        whole, self._whole = self._whole, None
        if isinstance(whole, Exception):
            raise whole
        if whole is not None:
            return {"type": "http.request", "body": whole, "more_body": False}
        return await self._received()

    async def _received(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request" and self._held <= BODY_MAX_BYTES:
            self._chunks.append(message.get("body", b""))
            self._held += len(self._chunks[-1])
        return message


def _applies(instruction: Instruction, body: bytes, answer: Answer) -> bool:
    """Whether the call is large enough for what is to happen within it."""
    if instruction.break_after_bytes is not None:
        return instruction.always or len(answer.body) >= instruction.break_after_bytes
    return max(len(body), len(answer.body)) >= instruction.stall_after_bytes


async def _deliver(delivery: Delivery, scope: Scope, receive: Receive, send: Send) -> None:
    answer = delivery.answer
    if delivery.reset:
        await _break(scope, receive, send, reset=True)
        return
    if answer.status == CUT:
        return
    headers = [(b"content-length", b"%d" % len(answer.body)), NO_SNIFFING, *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if delivery.break_after is not None:
        await send({"type": "http.response.body", "body": answer.body[: delivery.break_after], "more_body": True})
        await _break(scope, receive, send, reset=False)
        return
    if delivery.stall_s:
        if delivery.stall_after:
            await send({"type": "http.response.body", "body": answer.body[: delivery.stall_after], "more_body": True})
        await asyncio.sleep(delivery.stall_s)
    await send({"type": "http.response.body", "body": answer.body[delivery.stall_after if delivery.stall_s else 0 :]})


async def _break(scope: Scope, receive: Receive, send: Send, *, reset: bool) -> None:
    """The connection ends; of a batch, for all its calls."""
    cut_off(scope, reset=reset)
    if IN_BATCH in scope:
        if reset:  # it is not read, but the batch puts it together
            await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    while (await receive())["type"] != "http.disconnect":
        pass
