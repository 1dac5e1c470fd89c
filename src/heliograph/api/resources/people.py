"""`/heliograph/v1/people`: who may sign in, for the operator on the server's own machine (`heliograph people`).

Heliograph's own: not in AMAPI.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.requests import Request
from starlette.routing import Router

from heliograph.api.http.address import Addresses
from heliograph.api.http.request_body import BODY_TIMEOUT_S, read_body
from heliograph.api.http.side_routes import Endpoint, side_router
from heliograph.api.resources.operator_desk import BODY_MAX_BYTES, require_operator
from heliograph.domain.access import Role
from heliograph.domain.audit import Acting, ActorType
from heliograph.domain.people import Invitation, Rights
from heliograph.protojson.errors import HeliographError, InvalidArgument
from heliograph.protojson.messages import Message, decode_message
from heliograph.protojson.times import format_timestamp
from heliograph.service.acting import ACTING
from heliograph.service.audit import record_rejection
from heliograph.service.people import Known, forget_person, invite_person, list_people, open_invitations
from heliograph.service.ports import Ports
from heliograph.service.service_keys import require_enterprises, require_role

log = structlog.get_logger()

PREFIX = "/heliograph/v1/people"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleDesk:
    """What the routes work with. `secret`: what an operator must present."""

    ports: Ports
    addresses: Addresses
    secret: str


Handler = Callable[[PeopleDesk, Request], Coroutine[Any, Any, object]]


class PersonInvitation(Message):
    """`POST /heliograph/v1/people:invite`."""

    person: str = ""
    role: str = ""
    enterprises: tuple[str, ...] = ()


def people_app(desk: PeopleDesk) -> Router:
    """The ASGI app for everything under PREFIX."""
    return side_router((method, path, _endpoint(desk, handler)) for method, path, handler in ROUTES)


def _endpoint(desk: PeopleDesk, handler: Handler) -> Endpoint:
    method = f"people.{handler.__name__.strip('_')}"

    async def answer(request: Request) -> object:
        acting = Acting(actor_type=ActorType.OPERATOR, address=desk.addresses.of_client(request.scope), method=method)
        ACTING.set(acting)
        try:
            require_operator(desk.secret, request)
            return await handler(desk, request)
        except HeliographError as error:
            await record_rejection(desk.ports, acting, error, resource="people")
            raise

    return answer


async def _invite(desk: PeopleDesk, request: Request) -> object:
    """The link, at the first of this server's own addresses: an operator calls by a loopback one."""
    body = await read_body(request.receive, max_bytes=BODY_MAX_BYTES, timeout_s=BODY_TIMEOUT_S)
    wanted = decode_message(PersonInvitation, body, root="")
    await require_role(desk.ports, wanted.role)
    if not wanted.person:
        raise InvalidArgument("person must be an e-mail address, or a name without spaces.")
    await require_enterprises(desk.ports, wanted.enterprises, make=wanted.role == Role.ADMIN)
    invited = await invite_person(desk.ports, wanted.person, Rights(wanted.role, wanted.enterprises))
    log.info("person.invited", person=invited.invitation.person, role=wanted.role)
    return {**_invitation(invited.invitation), "url": desk.addresses.for_browsers(desk.addresses.of(request.scope)) + invited.path}


async def _list(desk: PeopleDesk, _request: Request) -> object:
    return {
        "people": [_view(known) for known in await list_people(desk.ports)],
        "invitations": [_invitation(one) for one in await open_invitations(desk.ports) if one.person],
    }


async def _delete(desk: PeopleDesk, request: Request) -> object:
    person = request.path_params["person"]
    await forget_person(desk.ports, person)
    log.info("person.removed", person=person)
    return {}


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", f"{PREFIX}:invite", _invite),
    ("GET", PREFIX, _list),
    ("DELETE", f"{PREFIX}/{{person:path}}", _delete),
)


def _view(known: Known) -> dict[str, object]:
    person = known.person
    used = [session.used_us for session in known.sessions]
    return {
        "person": person.name.person,
        "role": person.rights.role if person.rights else "",
        "enterprises": person.rights.enterprises if person.rights else (),
        "passkeys": known.passkeys,
        "sessions": len(known.sessions),
        "createTime": format_timestamp(person.created_us),
        "lastUseTime": format_timestamp(max(used)) if used else "",
    }


def _invitation(invitation: Invitation) -> dict[str, object]:
    return {
        "person": invitation.person,
        "role": invitation.rights.role,
        "enterprises": invitation.rights.enterprises,
        "expireTime": format_timestamp(invitation.expires_us),
    }
