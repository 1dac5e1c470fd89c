"""`/heliograph/v1/people`: who may sign in, for the operator on the server's own machine (`heliograph people`).

Heliograph's own: not in AMAPI.
"""

import structlog

from heliograph.api.resources.operator_desk import DeskCall, DeskMethod, OperatorDesk
from heliograph.domain.access import Role
from heliograph.domain.people import Invitation, Rights
from heliograph.domain.session import Session
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import Message
from heliograph.protojson.times import format_timestamp
from heliograph.service.explanations import explain_invitation
from heliograph.service.people import Known, forget_person, invite_person, known_person, list_people, open_invitations
from heliograph.service.service_keys import require_enterprises, require_role
from heliograph.service.sessions import end_all_sessions

log = structlog.get_logger()

PREFIX = "/heliograph/v1/people"


class PersonInvitation(Message):
    """`POST /heliograph/v1/people:invite`."""

    person: str = ""
    role: str = ""
    enterprises: tuple[str, ...] = ()


async def _invite(desk: OperatorDesk, call: DeskCall) -> object:
    """The link, at the first of this server's own addresses: an operator calls by a loopback one."""
    wanted = call.message(PersonInvitation)
    await require_role(desk.ports, wanted.role)
    if not wanted.person:
        raise InvalidArgument("person must be an e-mail address, or a name without spaces.")
    await require_enterprises(desk.ports, wanted.enterprises, make=wanted.role == Role.ADMIN)
    invited = await invite_person(desk.ports, wanted.person, Rights(wanted.role, wanted.enterprises))
    log.info("person.invited", person=invited.invitation.person, role=wanted.role)
    return {**_invitation(invited.invitation), "url": desk.addresses.for_browsers(call.server_url) + invited.path}


async def _list(desk: OperatorDesk, _call: DeskCall) -> object:
    return {
        "people": [_view(known) for known in await list_people(desk.ports)],
        "invitations": [_invitation(one) for one in await open_invitations(desk.ports) if one.person],
    }


async def _get(desk: OperatorDesk, call: DeskCall) -> object:
    known = await known_person(desk.ports, call.ids[0])
    return {**_view(known), "openSessions": [_session_view(session) for session in known.sessions]}


async def _sign_out(desk: OperatorDesk, call: DeskCall) -> object:
    known = await known_person(desk.ports, call.ids[0])
    await end_all_sessions(desk.ports, known.person.name)
    log.info("person.signed_out", person=call.ids[0], sessions=len(known.sessions))
    return {}


async def _delete(desk: OperatorDesk, call: DeskCall) -> object:
    person = call.ids[0]
    await forget_person(desk.ports, person)
    log.info("person.removed", person=person)
    return {}


PEOPLE_METHODS = (
    DeskMethod(id="heliograph.people.invite", http="POST", path="people:invite", handler=_invite, widens=True),
    DeskMethod(id="heliograph.people.list", http="GET", path="people", handler=_list),
    DeskMethod(id="heliograph.people.signOut", http="POST", path="people/*:signOut", handler=_sign_out),
    DeskMethod(id="heliograph.people.get", http="GET", path="people/*", handler=_get),
    DeskMethod(id="heliograph.people.delete", http="DELETE", path="people/*", handler=_delete),
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


def _session_view(session: Session) -> dict[str, object]:
    return {
        "session": session.name.session,
        "how": session.how,
        "address": session.address,
        "userAgent": session.user_agent,
        "createTime": format_timestamp(session.created_us),
        "lastUseTime": format_timestamp(session.used_us),
    }


def _invitation(invitation: Invitation) -> dict[str, object]:
    return {
        "person": invitation.person,
        "role": invitation.rights.role,
        "enterprises": invitation.rights.enterprises,
        "expireTime": format_timestamp(invitation.expires_us),
        "whyStuck": explain_invitation(invitation).text,
    }
