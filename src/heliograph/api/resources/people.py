"""`/heliograph/v1/people`: who may sign in, for the operator on the server's own machine (`heliograph people`).

Heliograph's own: not in AMAPI.
"""

import structlog
from starlette.requests import Request

from heliograph.api.resources.operator_desk import DeskRoute, OperatorDesk, message_of
from heliograph.domain.access import Role
from heliograph.domain.people import Invitation, Rights
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import Message
from heliograph.protojson.times import format_timestamp
from heliograph.service.people import Known, forget_person, invite_person, list_people, open_invitations
from heliograph.service.service_keys import require_enterprises, require_role

log = structlog.get_logger()

PREFIX = "/heliograph/v1/people"


class PersonInvitation(Message):
    """`POST /heliograph/v1/people:invite`."""

    person: str = ""
    role: str = ""
    enterprises: tuple[str, ...] = ()


async def _invite(desk: OperatorDesk, request: Request) -> object:
    """The link, at the first of this server's own addresses: an operator calls by a loopback one."""
    wanted = await message_of(request, PersonInvitation)
    await require_role(desk.ports, wanted.role)
    if not wanted.person:
        raise InvalidArgument("person must be an e-mail address, or a name without spaces.")
    await require_enterprises(desk.ports, wanted.enterprises, make=wanted.role == Role.ADMIN)
    invited = await invite_person(desk.ports, wanted.person, Rights(wanted.role, wanted.enterprises))
    log.info("person.invited", person=invited.invitation.person, role=wanted.role)
    return {**_invitation(invited.invitation), "url": desk.addresses.for_browsers(desk.addresses.of(request.scope)) + invited.path}


async def _list(desk: OperatorDesk, _request: Request) -> object:
    return {
        "people": [_view(known) for known in await list_people(desk.ports)],
        "invitations": [_invitation(one) for one in await open_invitations(desk.ports) if one.person],
    }


async def _delete(desk: OperatorDesk, request: Request) -> object:
    person = request.path_params["person"]
    await forget_person(desk.ports, person)
    log.info("person.removed", person=person)
    return {}


ROUTES: tuple[DeskRoute, ...] = (
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
