"""Links by which one person approves or declines one thing in a browser: made by that person, valid once and for a quarter of an hour.

Nothing is stored: the address holds who decides and on exactly what. It is used once the person's word is in the approval.
"""

from heliograph.domain import approval as approving
from heliograph.domain.access import OF_SESSIONS, Caller, ServiceKey, ServiceKeyName
from heliograph.domain.approval import ApprovalState
from heliograph.domain.names import ApprovalName
from heliograph.domain.people import Person, PersonName
from heliograph.domain.sealed_text import Sealable, opened, seal
from heliograph.domain.session import Session, SessionName, is_current, rights_of
from heliograph.protojson.errors import NotFound
from heliograph.service.approvals import Standing, approval_named, get_approval, may_approve, with_roles
from heliograph.service.ports import Ports

LINK_LIFE_US = 15 * 60 * 1_000_000
LINK_PATH = "/approve/"
"""Path of the page below the server's address."""


class ApprovalLink(Sealable, frozen=True, kw_only=True, tag="approval"):
    """What the address of the page holds."""

    approval: str
    digest: str
    actor: str
    key_id: str = ""


class NoSuchLink(NotFound):
    """This link is not valid: it was used, it is older than a quarter of an hour, or its person may not approve any more."""


async def create_approval_link(ports: Ports, name: ApprovalName, caller: Caller, *, server_url: str) -> tuple[str, int]:
    """The address of a page on which anyone who has it approves or declines in the caller's name; and when it expires (us).

    Raises: ApprovalNotFound; NotPending, OwnApproval, UnnamedApprover.
    """
    approval = await approval_named(ports, name)
    now_us = ports.clock.now_us()
    # Who may not approve gets no link.
    approving.approved(approval, actor=caller.person, key_id=caller.key_id, digest=approval.digest, now_us=now_us)
    expires_us = min(now_us + LINK_LIFE_US, approval.deadline_us)
    link = ApprovalLink(approval=str(name), digest=approval.digest, actor=caller.actor, key_id=caller.key_id, expires_us=expires_us)
    return f"{server_url}{LINK_PATH}{seal(link, key=_link_key(ports))}", expires_us


async def opened_link(ports: Ports, sealed: str) -> tuple[Standing, Caller]:
    """What the page's address names, and whose word it takes, with what they may do now.  Raises: NoSuchLink."""
    link = opened(sealed, ApprovalLink, key=_link_key(ports), now_us=ports.clock.now_us())
    caller = await _caller_of(ports, link) if link is not None else None
    if link is None or caller is None or caller.actor != link.actor:
        raise NoSuchLink
    standing = await get_approval(ports, ApprovalName.parse(link.approval))
    used = standing.state is not ApprovalState.PENDING or any(vote.actor == link.actor for vote in standing.approval.votes)
    if used or standing.approval.digest != link.digest or not may_approve(caller, standing.approval.name.enterprise):
        raise NoSuchLink
    return standing, caller


async def _caller_of(ports: Ports, link: ApprovalLink) -> Caller | None:
    """With what its roles allow now; None: the key or the session that the link was made with is gone, or over."""
    caller = await (_of_session(ports, link) if link.key_id.startswith(OF_SESSIONS) else _of_key(ports, link))
    return (await with_roles(ports, [caller]))[0] if caller is not None else None


async def _of_session(ports: Ports, link: ApprovalLink) -> Caller | None:
    session_id = link.key_id.removeprefix(OF_SESSIONS)
    person = await ports.store.record(Person, PersonName(link.actor))
    session = await ports.store.record(Session, SessionName(link.actor, session_id))
    if person is None or session is None or not is_current(session, person, now_us=ports.clock.now_us()):
        return None
    rights = rights_of(session, person)
    return rights.caller(link.actor, session_id=session_id) if rights is not None else None


async def _of_key(ports: Ports, link: ApprovalLink) -> Caller | None:
    key = await ports.store.record(ServiceKey, ServiceKeyName(link.key_id))
    return key.caller if key is not None and not key.has_expired(ports.clock.now_us()) else None


def _link_key(ports: Ports) -> bytes:
    return ports.vault.derive("approval links")
