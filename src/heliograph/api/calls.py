"""The parts of a call, which it has on either way in: through the ASGI app (app.py), and on the hot lane (hot_lane.py)."""

from collections import Counter
from collections.abc import Awaitable
from functools import partial
from typing import Any, NamedTuple

import msgspec
import structlog

from heliograph.api.health_pages import OK
from heliograph.api.http.address import Addresses
from heliograph.api.http.audited import Audited, resource_of
from heliograph.api.http.authorization import Authorizer
from heliograph.api.http.errors import Headers, Internal, compact_error
from heliograph.api.http.failures import log_failure
from heliograph.api.http.query import Query
from heliograph.api.http.quota import PROJECT, Admission, MeteredAuthorizer, Quota
from heliograph.api.http.sending import GZIP_FROM_BYTES, send_answer, send_compressed
from heliograph.api.http.streaming import Stream, send_stream
from heliograph.api.method import Call, Method
from heliograph.asgi import JSON, ClientGone, Receive, Scope, Send, indented
from heliograph.domain.access import ANYBODY, Caller
from heliograph.domain.rights import BlastRadiusReached
from heliograph.protojson.errors import HeliographError
from heliograph.service.ports import Ports

log = structlog.get_logger()

UNKNOWN = "unknown"
"""How a path that no method has is counted: a label per path would let anyone fill the memory."""

ONLY_COUNTED = frozenset({429, 503})


class Asked(msgspec.Struct, frozen=True):
    """What was asked for."""

    method: Method | None
    """None: nothing that there is."""
    ids: tuple[str, ...]
    query: Query
    scope: Scope

    @property
    def method_id(self) -> str:
        """As it is counted."""
        return UNKNOWN if self.method is None else self.method.id

    def as_sent(self, body: bytes) -> bytes:
        """The compact body as it leaves."""
        return indented(body) if self.query.pretty else body


class Said(NamedTuple):
    """What is answered: the body compact, and the headers without those that every answer has."""

    status: int
    headers: Headers
    body: bytes | Stream


class Calls:
    """Calls of one API's methods."""

    def __init__(self, ports: Ports, *, authorizer: Authorizer | None, addresses: Addresses) -> None:
        """`authorizer`: who may call; None: everyone, everything."""
        self.ports = ports
        self.authorizer: Admission | None = authorizer
        self._unmetered = authorizer
        """Checks the caller of a stream again and again; such a check is not a call that counts against the quota."""
        if ports.limits.quota_per_minute:
            quota = Quota(ports.limits.quota_per_minute)
            self.authorizer = MeteredAuthorizer(
                authorizer, quota, address_of_client=addresses.of_client, now_us=ports.clock.now_us,
                consumer=PROJECT if ports.limits.quota_per_project else "",
            )  # fmt: skip
        self._addresses = addresses
        self.audited = Audited(ports, addresses)
        self.counted: Counter[tuple[str, int]] = Counter()
        """Answers by method and status."""

    async def admit(self, method: Method, ids: tuple[str, ...], scope: Scope) -> Caller:
        """The caller, in whose name this task acts from now on.  Raises: as Admission."""
        caller = ANYBODY if self.authorizer is None else await self.authorizer.admit(method, ids, scope)
        if (first_time := self.enter(caller, method, scope)) is not None:
            await first_time
        return caller

    def admit_at_once(self, method: Method, ids: tuple[str, ...], scope: Scope) -> Caller | None:
        """The caller, if nothing must be waited for; `enter` comes next. None: nothing was done.  Raises: as Admission."""
        return ANYBODY if self.authorizer is None else self.authorizer.admit_at_once(method, ids, scope)

    def enter(self, caller: Caller, method: Method, scope: Scope) -> Awaitable[None] | None:
        """What is done from now on, in this context, is the caller's. What is returned must be awaited; it is rare."""
        return self.audited.enter(caller, method.id, scope)

    def call(self, asked: Asked, method: Method, own: Any, body: bytes, caller: Caller) -> Call:  # noqa: ANN401 - the row's message
        """The call of a caller who was admitted; `own`: the method's own parameters."""
        return Call(self.ports, asked.ids, own, body, asked.scope, self._addresses, caller, caller.rights.permit(method))

    async def handled(self, method: Method, call: Call, answering: Awaitable[bytes | Stream] | None = None) -> bytes | Stream:
        """The handler's answer; or that of `answering`, if one is begun already.  Raises: what it raises."""
        try:
            answer = await (method.handler(call) if answering is None else answering)
        except BlastRadiusReached as error:
            self.ports.access_counts.blast_radius_reached += 1
            log.warning(
                "access.blast_radius_reached", method=method.id, resource="/".join(call.ids), key=call.caller.key_id, **error.metadata
            )
            raise
        if isinstance(answer, Stream) and self._unmetered is not None:
            return answer._replace(recheck=partial(self._unmetered.admit, method, call.ids, call.scope))
        return answer

    async def said(self, asked: Asked, answering: Awaitable[bytes | Stream]) -> Said:
        """What is answered, an error too.  Raises: ClientGone."""
        try:
            return Said(OK, [], await answering)
        except HeliographError as error:
            return await self.rejected(asked, error)
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            log_failure(asked.method_id, error)
            return Said(*compact_error(Internal(), in_v1_form=asked.query.v1_errors))

    async def rejected(self, asked: Asked, error: HeliographError) -> Said:
        """The error, of which the audit trail and the log know."""
        said = Said(*compact_error(error, in_v1_form=asked.query.v1_errors))
        resource = "" if asked.method is None else resource_of(asked.method.path, asked.ids)
        await self.note_rejection(error, asked.method_id, said.status, asked.scope, resource=resource)
        return said

    async def note_rejection(self, error: HeliographError, method_id: str, status: int, scope: Scope, *, resource: str = "") -> None:
        """The refusal is in the audit trail, and in the log, with field paths only: a message may quote a password in the wrong place.

        Refusals of a server in trouble are counted, not logged one by one: thousands of lines would be the next trouble.
        """
        caller = ANYBODY if self.authorizer is None else await self.authorizer.sender(scope)
        if method_id is not UNKNOWN:
            await self.audited.rejected(error, method_id, scope, caller=caller, resource=resource)
        if status in ONLY_COUNTED:
            return
        log.info(
            "api.refused", method=method_id, http_status=status, code=error.code.name, fields=[v.field for v in error.violations],
            caller=caller.actor, address=self._addresses.of_client(scope),
        )  # fmt: skip

    async def deliver(self, asked: Asked, said: Said, receive: Receive, send: Send) -> None:
        """The answer is counted and sent."""
        self.count(asked.method_id, said.status)
        if isinstance(said.body, Stream):
            await send_stream(said.body, asked.scope, receive, send)
        else:
            await send_sparingly(asked.scope, send, said.status, asked.as_sent(said.body), [JSON, *said.headers])

    def count(self, method_id: str, status: int) -> None:
        """The answer is one of this method's and status."""
        self.counted[method_id, status] += 1


def send_sparingly(scope: Scope, send: Send, status: int, body: bytes, headers: Headers) -> Awaitable[None]:
    """The answer is sent, compressed if it is large."""
    if len(body) >= GZIP_FROM_BYTES:
        return send_compressed(scope, send, status, body, headers=headers)
    return send_answer(send, status, body, headers=headers)
