"""The operator's desk: keys, roles and who has them, for the operator on the server's own machine (`heliograph keys`, `heliograph roles`).

Heliograph's own: not in AMAPI. No key can widen anyone's rights, however much a stolen one may do: these routes are for a process on this
machine that can read the data directory. Pages of the console call the same methods for people who have just signed in (ADR 0062).
"""

import hmac
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, NamedTuple, TypeVar

from starlette.requests import Request
from starlette.routing import Router

from heliograph.api.http.address import Addresses
from heliograph.api.http.request_body import BODY_TIMEOUT_S, read_body
from heliograph.api.http.side_routes import Endpoint, side_router
from heliograph.domain.audit import Acting, ActorType
from heliograph.domain.openid import GroupRule
from heliograph.domain.rights import Called, is_write
from heliograph.protojson.errors import HeliographError, PermissionDenied
from heliograph.protojson.messages import Message, decode_message
from heliograph.service.acting import ACTING
from heliograph.service.audit import record_rejection
from heliograph.service.callers import SignIn
from heliograph.service.ports import Ports

PREFIX = "/heliograph/v1"
BODY_MAX_BYTES = 65_536
_COLLECTION = re.compile(r"[/:]")
_FORWARDED = frozenset({b"forwarded", b"x-forwarded-for"})
OWN = "heliograph."
M = TypeVar("M", bound=Message)


class OperatorOnly(PermissionDenied):
    """Only the server's own machine may do this: run `heliograph keys`, `people` or `roles` there, with --data-dir."""

    reason = "OPERATOR_ONLY"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorDesk:
    """What the routes work with. `secret`: what an operator must present; None: every process on this machine is one (the sandbox)."""

    ports: Ports
    sign_in: SignIn
    addresses: Addresses
    secret: str | None
    methods: Sequence[Called]
    """Every method that callers may call."""
    groups: Sequence[GroupRule] = ()
    """What the members of an identity provider's groups may do."""


class DeskCall(NamedTuple):
    """One call at the desk: `ids` are the path's variable parts, in order."""

    ids: tuple[str, ...] = ()
    body: bytes = b""
    query: Mapping[str, str] = {}
    server_url: str = ""
    """The address by which the caller reached this server."""

    def message(self, cls: type[M], *, root: str = "") -> M:
        """The message in the body.  Raises: InvalidArgument."""
        return decode_message(cls, self.body, root=root)


Handler = Callable[[OperatorDesk, DeskCall], Coroutine[Any, Any, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskMethod:
    """One method of the desk: a route for the operator, and for people who are signed in a page of the console asks it (ADR 0062)."""

    id: str
    """`heliograph.keys.create`."""
    http: str
    path: str
    """Below PREFIX, with a `*` for each variable part: `keys/*:rotate`."""
    handler: Handler
    widens: bool = False
    """Whether someone may do more by it than before."""

    @property
    def destructive(self) -> bool:
        """Who changes keys, roles or people lets others do anything: patterns in roles do not cover that by accident."""
        return is_write(self.id)

    @property
    def audited_as(self) -> str:
        """What the audit trail calls it: `keys.create`."""
        return self.id.removeprefix(OWN)


def desk_app(desk: OperatorDesk, methods: Iterable[DeskMethod]) -> Router:
    """The ASGI app for these methods; each answers the operator only."""
    return side_router((method.http, _route(method.path), _endpoint(desk, method)) for method in methods)


def _route(path: str) -> str:
    """The path as the router has it: an id may have any text in it, `/` too."""
    first, *rest = path.split("*")
    return f"{PREFIX}/{first}" + "".join(f"{{id{number}:path}}{piece}" for number, piece in enumerate(rest))


def _endpoint(desk: OperatorDesk, method: DeskMethod) -> Endpoint:
    collection = _COLLECTION.split(method.path)[0]

    async def answer(request: Request) -> object:
        acting = Acting(actor_type=ActorType.OPERATOR, address=desk.addresses.of_client(request.scope), method=method.audited_as)
        ACTING.set(acting)
        try:
            require_operator(desk.secret, request.scope)
            body = await read_body(request.receive, max_bytes=BODY_MAX_BYTES, timeout_s=BODY_TIMEOUT_S)
            ids = tuple(str(value) for value in request.path_params.values())
            return await method.handler(desk, DeskCall(ids, body, request.query_params, desk.addresses.of(request.scope)))
        except HeliographError as error:
            await record_rejection(desk.ports, acting, error, resource=collection)
            raise

    return answer


def require_operator(secret: str | None, scope: Mapping[str, Any]) -> None:
    """Check that the server's own operator calls. `secret`: what proves it; None: nothing need.

    Raises: OperatorOnly: the caller is on another machine, behind a proxy, or without the secret.
    """
    peer, server = scope.get("client") or ("", 0), scope.get("server") or ("", 0)
    headers = dict(scope["headers"])
    shown = headers.get(b"authorization", b"").removeprefix(b"Bearer ")
    proved = secret is None or hmac.compare_digest(shown, secret.encode())
    if not proved or not _FORWARDED.isdisjoint(headers) or not (_is_loopback(peer[0]) or peer[0] == server[0]):
        raise OperatorOnly


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
