"""Who acts by a request, said where it enters, and refusals of changes: what the audit trail knows of HTTP."""

from collections.abc import Awaitable

from heliograph.api.http.address import Addresses, Scope
from heliograph.asgi import Asgi, Message, Receive, Send
from heliograph.domain.access import ANYBODY, OF_SESSIONS, Caller
from heliograph.domain.audit import SERVER_STREAM, Acting
from heliograph.domain.rights import is_write
from heliograph.protojson.errors import Code, HeliographError
from heliograph.service.acting import ACTING, UNKNOWN
from heliograph.service.audit import entry_of, note_address, record, record_rejection
from heliograph.service.ports import Ports

AMAPI = "androidmanagement."
REMEMBERED_MOST = 4_096
"""Callers with a method and an address: of one caller, entries that are made together stand together."""
NOT_REFUSED = frozenset({Code.UNAVAILABLE, Code.INTERNAL, Code.CANCELLED, Code.DEADLINE_EXCEEDED})
"""Errors that say nothing about who may do what: the server is in trouble, or its caller left."""
ALWAYS_RECORDED = frozenset({Code.UNAUTHENTICATED, Code.PERMISSION_DENIED})
"""Refusals that are recorded of reads too."""


class Audited:
    """One server's entrance for callers."""

    def __init__(self, ports: Ports, addresses: Addresses) -> None:
        self._ports = ports
        self._addresses = addresses
        self._acting: dict[tuple[int, str, str], tuple[Caller, Acting]] = {}

    def enter(self, caller: Caller, method_id: str, scope: Scope) -> Awaitable[None] | None:
        """From now on, what this task changes is the caller's. What is returned must be awaited; it is rare."""
        if (known := self.acting_at_once(caller, method_id, scope)) is not None:
            ACTING.set(known)
            return None
        address = self.address_of(scope)
        acting = Acting.caller(caller, method=method_id.removeprefix(AMAPI), address=address)
        ACTING.set(acting)
        if caller.key_id and not caller.key_id.startswith(OF_SESSIONS) and (caller.key_id, address) not in self._ports.audit.addresses:
            return note_address(self._ports, caller, address)
        if len(self._acting) >= REMEMBERED_MOST:
            self._acting.clear()
        # With the caller, so that no other one is at its place in memory.
        self._acting[id(caller), method_id, address] = caller, acting
        return None

    def acting_at_once(self, caller: Caller, method_id: str, scope: Scope) -> Acting | None:
        """The caller as it acts by the method; None: `enter` has not said it yet."""
        if not self._ports.store.audited:
            return UNKNOWN
        known = self._acting.get((id(caller), method_id, self._addresses.of_client(scope)))
        return None if known is None else known[1]

    def address_of(self, scope: Scope) -> str:
        """The IP address of the sender of the request."""
        return self._addresses.of_client(scope)

    async def signed_in(self, caller: Caller, method: str, scope: Scope) -> None:
        """The caller has signed in: that is recorded before the answer.  Raises: as Store."""
        if self._ports.store.audited:
            acting = Acting.caller(caller, method=method, address=self.address_of(scope))
            await record(self._ports, entry_of(acting), stream=_stream_of(caller))

    async def rejected(
        self,
        error: HeliographError,
        method_id: str,
        scope: Scope,
        *,
        caller: Caller = ANYBODY,
        resource: str = "",
    ) -> None:
        """The refusal is recorded, if it is one of a change, or of a caller."""
        if error.code in ALWAYS_RECORDED or (is_write(method_id) and error.code not in NOT_REFUSED):
            acting = Acting.caller(caller, method=method_id.removeprefix(AMAPI), address=self.address_of(scope))
            enterprise = resource.split("/")[1] if resource.startswith("enterprises/") else ""
            await record_rejection(self._ports, acting, error, resource=resource, enterprise=enterprise)


def _stream_of(caller: Caller) -> str:
    """Where an enterprise looks for its own key's sign-ins; a key of several is the server's matter."""
    return next(iter(caller.enterprises)) if caller.enterprises is not None and len(caller.enterprises) == 1 else SERVER_STREAM


def resource_of(path: str, ids: tuple[str, ...]) -> str:
    """The name of what a method's path names: `enterprises/*/devices/*:issueCommand` with its ids."""
    parts = iter(ids)
    return "/".join(next(parts, "*") if part == "*" else part for part in path.partition(":")[0].split("/"))


def as_anybody(app: Asgi, method: str, addresses: Addresses) -> Asgi:
    """The app, whose changes are those of anyone who has its page's address."""

    def answer(scope: Message, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            ACTING.set(Acting.caller(ANYBODY, method=method, address=addresses.of_client(scope)))
        return app(scope, receive, send)

    return answer
