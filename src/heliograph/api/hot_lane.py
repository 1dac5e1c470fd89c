"""The hot lane: the few methods that are called most are answered without a task, a future, or messages between server and app.

It takes a request whose body is there, of a caller who is known, for a method that says how it is called so (`Method.at_once`); every other
goes to the ASGI app as it came. What it does with a request is what the app does, by the same functions (calls.py). If something must be
waited for after all, a task of its own goes on with the same call.
"""

import contextlib
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from typing import Any

import msgspec

from heliograph.api.calls import Asked, Calls
from heliograph.api.health_pages import OK
from heliograph.api.http.cycle import Cycle
from heliograph.api.http.query import bound
from heliograph.api.http.sending import write_sparingly
from heliograph.api.http.streaming import Stream
from heliograph.api.method import Call, Method, MethodTable
from heliograph.asgi import JSON, ClientGone, Receive, Scope, Send
from heliograph.protojson.errors import HeliographError
from heliograph.service.work_aside import AT_ONCE_BYTES


class HotLane:
    """The lane into one table of methods."""

    def __init__(self, calls: Calls, table: MethodTable[Method], *, body_max_bytes: int) -> None:
        self._calls = calls
        self._table = table
        self._body_max_bytes = min(body_max_bytes, AT_ONCE_BYTES)

    def take(self, cycle: Cycle) -> bool:
        """As `Lane`. Never raises."""
        scope, body = cycle.scope, cycle.whole_body
        path = scope["raw_path"].decode("latin-1")
        if body is None or len(body) > self._body_max_bytes or not path.startswith(self._table.prefix):
            return False
        try:
            method, ids = self._table.find(scope["method"], path.removeprefix(self._table.prefix))
            if method.at_once is None:
                return False
            query, own = bound(method.query, scope["query_string"])
        except HeliographError:  # said by the app, once it knows who asks
            return False
        if query.fields:
            return False
        passage = Passage(self._calls, cycle, Asked(method, ids, query, scope), method, own)
        return passage.context.run(passage.begin, bytes(body) if method.takes_body else b"")


class Passage(msgspec.Struct, eq=False):
    """One call on the lane; also the waiter of its rule."""

    _calls: Calls
    _cycle: Cycle
    _asked: Asked
    _method: Method
    _own: Any
    """The method's own parameters."""
    _call: Call = None  # type: ignore[assignment]  # once its caller is known
    _render: Callable[[Any], bytes | None] = None  # type: ignore[assignment]  # once its rule waits
    context: Context = msgspec.field(default_factory=copy_context)
    """As a task of its own would have: who acts is said in it."""

    def begin(self, body: bytes) -> bool:
        """Whether the call is answered, or will be. False: its caller is not known yet, and nothing was done. Run in the context."""
        calls, asked, method = self._calls, self._asked, self._method
        try:
            caller = calls.admit_at_once(method, asked.ids, asked.scope)
            if caller is None:
                return False
            first_time = calls.audited.enter(caller, method.id, asked.scope)
            self._call = call = calls.call(asked, method, self._own, body, caller)
            begun = method.at_once(call) if method.at_once is not None and first_time is None else None
            if begun is None:
                self._go_on(self._handled(first_time))
            elif isinstance(begun, bytes):
                self._say(begun)
            else:
                self._render = begun.render
                calls.ports.store.decide_for(self, begun.sees, begun.rule)
        except Exception as error:  # noqa: BLE001 - it is answered as the app answers it
            self._go_on(_raise(error))
        return True

    # What the store calls.

    def done(self) -> bool:
        """The answer is wanted, and if its client has gone it is counted."""
        return False

    def set_result(self, result: object, /) -> None:
        """The rule's answer becomes the call's."""
        try:
            body = self._render(result)
            if body is None:
                self._go_on(self._handled())
            else:
                self._say(body)
        except Exception as error:  # noqa: BLE001 - others wait for their answers behind this one
            self.set_exception(error)

    def set_exception(self, exception: Exception, /) -> None:
        """What the rule raised is answered as what a handler raises."""
        self._go_on(self._calls.handled(self._method, self._call, _raise(exception)))

    # The answer.

    def _say(self, body: bytes) -> None:
        if write_sparingly(self._cycle, OK, self._asked.as_sent(body), headers=[JSON]):
            self._calls.count(self._asked, OK)
        else:
            self._go_on(_given(body))

    def _go_on(self, answering: Awaitable[bytes | Stream]) -> None:
        """What must be waited for, and is no longer hot: the app's way from here, in a task."""
        calls, asked = self._calls, self._asked

        async def rest(_scope: Scope, receive: Receive, send: Send) -> None:
            with contextlib.suppress(ClientGone):
                await calls.deliver(asked, await calls.said(asked, answering), receive, send)

        self._cycle.start(rest, self.context)

    async def _handled(self, first: Awaitable[None] | None = None) -> bytes | Stream:
        if first is not None:
            await first
        return await self._calls.handled(self._method, self._call)


async def _given(body: bytes) -> bytes:
    return body


async def _raise(error: Exception) -> bytes:
    raise error
