"""The operator's desk: keys, roles and who has them, for the operator on the server's own machine (`heliograph keys`, `heliograph roles`).

Heliograph's own: not in AMAPI. Nothing that comes over a network can widen anyone's rights, however much a stolen key may do: these
routes are for a process on this machine that can read the data directory.
"""

import hmac
import re
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.routing import Router

from heliograph.api.http.address import Addresses
from heliograph.api.http.request_body import BODY_TIMEOUT_S, read_body
from heliograph.api.http.side_routes import Endpoint, side_router
from heliograph.domain.audit import Acting, ActorType
from heliograph.domain.rights import Called
from heliograph.protojson.errors import HeliographError, PermissionDenied
from heliograph.protojson.messages import Message, decode_message
from heliograph.service.acting import ACTING
from heliograph.service.audit import record_rejection
from heliograph.service.callers import SignIn
from heliograph.service.ports import Ports

PREFIX = "/heliograph/v1"
BODY_MAX_BYTES = 65_536
_COLLECTION = re.compile(r"[/:]")
_FORWARDED = frozenset({"forwarded", "x-forwarded-for"})
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


Handler = Callable[[OperatorDesk, Request], Coroutine[Any, Any, object]]
DeskRoute = tuple[str, str, Handler]


def desk_app(desk: OperatorDesk, routes: Iterable[DeskRoute]) -> Router:
    """The ASGI app for these routes; each answers the operator only."""
    return side_router((method, path, _endpoint(desk, path, handler)) for method, path, handler in routes)


def _endpoint(desk: OperatorDesk, path: str, handler: Handler) -> Endpoint:
    collection = _COLLECTION.split(path.removeprefix(f"{PREFIX}/"))[0]
    method = f"{collection}.{handler.__name__.strip('_')}"

    async def answer(request: Request) -> object:
        acting = Acting(actor_type=ActorType.OPERATOR, address=desk.addresses.of_client(request.scope), method=method)
        ACTING.set(acting)
        try:
            _require_operator(desk.secret, request)
            return await handler(desk, request)
        except HeliographError as error:
            await record_rejection(desk.ports, acting, error, resource=collection)
            raise

    return answer


def _require_operator(secret: str | None, request: Request) -> None:
    """Check that the server's own operator calls. `secret`: what proves it; None: nothing need.

    Raises: OperatorOnly: the caller is on another machine, behind a proxy, or without the secret.
    """
    peer, server = request.scope.get("client") or ("", 0), request.scope.get("server") or ("", 0)
    shown = request.headers.get("authorization", "").removeprefix("Bearer ")
    proved = secret is None or hmac.compare_digest(shown.encode(), secret.encode())
    if not proved or not _FORWARDED.isdisjoint(request.headers) or not (_is_loopback(peer[0]) or peer[0] == server[0]):
        raise OperatorOnly


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def message_of(request: Request, cls: type[M], *, root: str = "") -> M:
    """The message in the body.  Raises: InvalidArgument."""
    return decode_message(cls, await read_body(request.receive, max_bytes=BODY_MAX_BYTES, timeout_s=BODY_TIMEOUT_S), root=root)
