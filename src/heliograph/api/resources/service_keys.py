"""`/heliograph/v1/keys`: service-account keys, for the operator on the server's own machine (`heliograph keys`).

Heliograph's own: not in AMAPI. Only public keys pass here.
"""

import hmac
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from starlette.requests import Request
from starlette.routing import Router

from heliograph.api.http.address import Addresses
from heliograph.api.http.request_body import BODY_TIMEOUT_S, read_body
from heliograph.api.http.side_routes import Endpoint, side_router
from heliograph.domain.access import Role, ServiceKey
from heliograph.domain.audit import Acting, ActorType
from heliograph.protojson.errors import HeliographError, InvalidArgument, PermissionDenied
from heliograph.protojson.messages import Message, decode_message
from heliograph.protojson.times import format_timestamp
from heliograph.service.acting import ACTING
from heliograph.service.audit import record_rejection
from heliograph.service.callers import Callers, SignIn
from heliograph.service.ports import Ports
from heliograph.service.service_keys import WantedKey, create_service_key, delete_service_key

PREFIX = "/heliograph/v1/keys"
BODY_MAX_BYTES = 16_384
_FORWARDED = frozenset({"forwarded", "x-forwarded-for"})


class OperatorOnly(PermissionDenied):
    """Only the server's own machine may do this: run `heliograph keys` or `heliograph people` there, with --data-dir."""

    reason = "OPERATOR_ONLY"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDesk:
    """What the routes work with. `secret`: what an operator must present; None: every process on this machine is one (the sandbox)."""

    ports: Ports
    sign_in: SignIn
    callers: Callers
    addresses: Addresses
    secret: str | None


Handler = Callable[[KeyDesk, Request], Coroutine[Any, Any, object]]


class KeyCreation(Message):
    """`POST /heliograph/v1/keys`."""

    public_key: str = ""
    enterprises: tuple[str, ...] = ()
    role: str = ""
    account: str = ""
    person: str = ""
    without_approval: bool = False


def keys_app(desk: KeyDesk) -> Router:
    """The ASGI app for everything under PREFIX."""
    routes = (("POST", PREFIX, _create), ("GET", PREFIX, _list), ("DELETE", f"{PREFIX}/{{key_id}}", _delete))
    return side_router((method, path, _endpoint(desk, handler)) for method, path, handler in routes)


def _endpoint(desk: KeyDesk, handler: Handler) -> Endpoint:
    method = f"keys.{handler.__name__.strip('_')}"

    async def answer(request: Request) -> object:
        acting = Acting(actor_type=ActorType.OPERATOR, address=desk.addresses.of_client(request.scope), method=method)
        ACTING.set(acting)
        try:
            require_operator(desk.secret, request)
            return await handler(desk, request)
        except HeliographError as error:
            await record_rejection(desk.ports, acting, error, resource="keys")
            raise

    return answer


def require_operator(secret: str | None, request: Request) -> None:
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


async def _create(desk: KeyDesk, request: Request) -> object:
    body = await read_body(request.receive, max_bytes=BODY_MAX_BYTES, timeout_s=BODY_TIMEOUT_S)
    wanted = decode_message(KeyCreation, body, root="")
    try:
        role = Role(wanted.role)
    except ValueError:
        raise InvalidArgument(f"Invalid role {wanted.role[:64]!r}: it is {' or '.join(role.value for role in Role)}.") from None
    key = await create_service_key(
        desk.ports,
        desk.sign_in,
        WantedKey(
            public_key=wanted.public_key,
            enterprises=wanted.enterprises,
            role=role,
            account=wanted.account,
            person=wanted.person,
            without_approval=wanted.without_approval,
        ),
    )
    desk.callers.forget()
    return _view(key)


async def _list(desk: KeyDesk, _request: Request) -> object:
    return {"keys": [_view(key) for key in await desk.sign_in.keys.service_keys()]}


async def _delete(desk: KeyDesk, request: Request) -> object:
    await delete_service_key(desk.sign_in, desk.callers, request.path_params["key_id"])
    return {}


def _view(key: ServiceKey) -> dict[str, object]:
    return {
        "keyId": key.key_id,
        "clientEmail": key.client_email,
        "clientId": key.client_id,
        "projectId": key.project_id,
        "role": key.role.value,
        "enterprises": key.enterprises,
        "person": key.person,
        "createTime": format_timestamp(key.created_us),
    }
