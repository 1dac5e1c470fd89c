"""The hot lane: the few methods that are called most are answered without a task, a future, or messages between server and app.

It takes a request whose body is there, of a caller who is known, for a method that says how it is called so (`Method.at_once`); every other
goes to the ASGI app as it came. What it does with a request is what the app does, by the same functions (calls.py). If something must be
waited for after all, a task of its own goes on with the same call.
"""

import contextlib
import functools
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from heliograph.api.calls import Asked, Calls
from heliograph.api.health_pages import OK
from heliograph.api.http.cycle import Cycle
from heliograph.api.http.query import Query, bound
from heliograph.api.http.sending import write_json
from heliograph.api.http.streaming import Stream
from heliograph.api.method import AtOnce, Call, Method, MethodTable
from heliograph.asgi import ClientGone, Receive, Scope, Send
from heliograph.domain.audit import Acting
from heliograph.protojson.errors import HeliographError
from heliograph.service.acting import UNKNOWN, context_of
from heliograph.service.work_aside import AT_ONCE_BYTES

KNOWN_MOST = 4_096
"""Paths with their query strings: callers issue to the same devices again, and look at the same operations."""
PATH_MOST_BYTES = 256
"""No one shall fill the memory with long ones."""
QUERY_MOST_BYTES = 32
"""A page token is longer, and comes once."""


class Hot(NamedTuple):
    """What a path and a query string ask for."""

    method: Method
    at_once: AtOnce
    ids: tuple[str, ...]
    query: Query
    own: Any
    """The method's own parameters."""


class HotLane:
    """The lane into one table of methods."""

    def __init__(self, calls: Calls, table: MethodTable[Method], *, body_max_bytes: int) -> None:
        self._calls = calls
        self._table = table
        self._body_max_bytes = min(body_max_bytes, AT_ONCE_BYTES)
        self._prefix = table.prefix.encode()
        self._known = functools.lru_cache(KNOWN_MOST)(self._find)

    def take(self, cycle: Cycle) -> bool:
        """As `Lane`. Never raises."""
        scope, body = cycle.scope, cycle.body
        path = scope["raw_path"]
        if cycle.more_body or cycle.expects_continue or len(body) > self._body_max_bytes:
            return False
        if not path.startswith(self._prefix) or not scope["headers"].is_usual:
            return False
        try:
            query_string = scope["query_string"]
            find = self._known if len(path) <= PATH_MOST_BYTES and len(query_string) <= QUERY_MOST_BYTES else self._find
            hot = find(scope["method"], path, query_string)
        except HeliographError:  # said by the app, once it knows who asks
            return False
        if hot is None:
            return False
        method, at_once, ids, query, own = hot
        passage = Passage(self._calls, cycle, Asked(method, ids, query, scope), method)
        return passage.begin(at_once, own, bytes(body) if method.takes_body else b"")

    def _find(self, http: str, raw_path: bytes, query_string: bytes) -> Hot | None:
        """What is asked for; None: it is not hot.  Raises: as MethodTable.find and `bound`, and that is not remembered."""
        method, ids = self._table.find(http, raw_path[len(self._prefix) :].decode("latin-1"))
        if method.at_once is None:
            return None
        query, own = bound(method.query, query_string)
        return None if query.fields else Hot(method, method.at_once, ids, query, own)


class Passage(msgspec.Struct, eq=False):
    """One call on the lane; also the waiter of its rule."""

    _calls: Calls
    _cycle: Cycle
    _asked: Asked
    _method: Method
    _acting: Acting = UNKNOWN
    """The caller, once it is known."""
    _call: Call = None  # type: ignore[assignment]  # likewise
    _render: Callable[[Any], bytes] = None  # type: ignore[assignment]  # once its rule waits

    def begin(self, at_once: AtOnce, own: Any, body: bytes) -> bool:  # noqa: ANN401 - the row's message
        """Whether the call is answered, or will be. False: its caller is not known yet, and nothing was done.

        `own`: the method's own parameters.
        """
        calls, asked, method = self._calls, self._asked, self._method
        try:
            caller = calls.admit_at_once(method, asked.ids, asked.scope)
            if caller is None:
                return False
            acting = calls.audited.acting_at_once(caller, method.id, asked.scope)
            self._acting = acting or UNKNOWN
            self._call = call = calls.call(asked, method, own, body, caller)
            begun = None if acting is None else at_once(call)
            if begun is None:
                self._go_on(self._handled() if acting is not None else self._entered())
            elif isinstance(begun, bytes):
                self._say(begun)
            else:
                self._render = begun.render
                calls.ports.store.decide_for(self, begun.sees, begun.rule, self._acting)
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
            if result is None:
                self._go_on(self._handled())
            else:
                self._say(self._render(result))
        except Exception as error:  # noqa: BLE001 - others wait for their answers behind this one
            self.set_exception(error)

    def set_exception(self, exception: Exception, /) -> None:
        """What the rule raised is answered as what a handler raises."""
        self._go_on(self._calls.handled(self._method, self._call, _raise(exception)))

    # The answer.

    def _say(self, body: bytes) -> None:
        if write_json(self._cycle, OK, self._asked.as_sent(body)):
            self._calls.count(self._method.id, OK)
        else:
            self._go_on(_given(body))

    def _go_on(self, answering: Awaitable[bytes | Stream]) -> None:
        """What must be waited for, and is no longer hot: the app's way from here, in a task."""
        calls, asked = self._calls, self._asked

        async def rest(_scope: Scope, receive: Receive, send: Send) -> None:
            with contextlib.suppress(ClientGone):
                await calls.deliver(asked, await calls.said(asked, answering), receive, send)

        self._cycle.start(rest, context_of(self._acting))

    async def _entered(self) -> bytes | Stream:
        """Of a caller that acts here for the first time."""
        if (first_time := self._calls.enter(self._call.caller, self._method, self._asked.scope)) is not None:
            await first_time
        return await self._handled()

    async def _handled(self) -> bytes | Stream:
        return await self._calls.handled(self._method, self._call)


async def _given(body: bytes) -> bytes:
    return body


async def _raise(error: Exception) -> bytes:
    raise error
