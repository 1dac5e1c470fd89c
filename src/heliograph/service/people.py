"""People who sign in: invited by a link, listed, removed."""

import hmac
from collections.abc import Sequence
from typing import NamedTuple

from heliograph.domain.people import (
    FIRST_INVITATION,
    FIRST_INVITATION_LIFE_US,
    INVITATION_LIFE_US,
    Invitation,
    InvitationName,
    Passkey,
    Person,
    PersonName,
    Rights,
    person_named,
)
from heliograph.domain.session import Session, hash_of
from heliograph.protojson.errors import FailedPrecondition, NotFound
from heliograph.service.ports import Ports
from heliograph.service.record_rules import RecordDecision, Records
from heliograph.service.rules import Delete, Put

PEOPLE_MOST = 1_000
INVITATIONS_MOST = 100
PATH = "/sign-in/invitation/"
"""Where an invitation is opened, followed by its id, a dot and its secret."""


class PersonNotFound(NotFound):
    """No such person: `heliograph people list` shows them."""


class InvitationGone(NotFound):
    """This link is not valid: it was used, is older than a day, or was replaced. Ask for another: `heliograph people invite`."""


class Invited(NamedTuple):
    """An invitation, and the path that opens it. The path is shown once and stored nowhere."""

    invitation: Invitation
    path: str


class Known(NamedTuple):
    """A person as lists show it."""

    person: Person
    passkeys: int
    sessions: Sequence[Session]


async def invite_person(ports: Ports, person: str, rights: Rights) -> Invited:
    """A link that makes one passkey for this person, who then has these rights, within a day; an earlier link of theirs stays valid.

    `person`: empty for the link of a server without people: it replaces the one before, and who opens it chooses a name.

    Raises: InvalidArgument: it is neither an e-mail address nor a name; FailedPrecondition: too many.
    """
    if person:
        person = person_named(person)
        people = await ports.store.records(Person, after="", limit=PEOPLE_MOST)
        invitations = await ports.store.records(Invitation, after="", limit=INVITATIONS_MOST)
        if len(people.items) >= PEOPLE_MOST or len(invitations.items) >= INVITATIONS_MOST:
            raise FailedPrecondition(
                f"There are {PEOPLE_MOST} people or {INVITATIONS_MOST} open invitations already: remove some people, or wait a day."
            )
    name = InvitationName(ports.ids.token_id() if person else FIRST_INVITATION)
    secret = ports.ids.session_secret()

    def rule(records: Records) -> RecordDecision[Invitation]:
        now_us, life_us = records.now_us, INVITATION_LIFE_US if person else FIRST_INVITATION_LIFE_US
        invitation = Invitation(
            name=name, secret_hash=hash_of(secret), person=person, rights=rights, created_us=now_us, expires_us=now_us + life_us
        )
        return RecordDecision(invitation, (Put(invitation),))

    invitation = await ports.store.decide_records((name,), rule)
    return Invited(invitation, f"{PATH}{name.invitation}.{secret}")


async def opened_invitation(ports: Ports, text: str) -> Invitation:
    """The invitation of this link (what follows PATH in it), still unused.  Raises: InvitationGone."""
    invitation_id, _, secret = text.partition(".")
    invitation = await ports.store.record(Invitation, InvitationName(invitation_id))
    if invitation is None or not hmac.compare_digest(invitation.secret_hash, hash_of(secret)):
        raise InvitationGone
    return invitation


async def anyone_can_sign_in(ports: Ports) -> bool:
    """Whether there is a person who can sign in with a passkey."""
    people = (await ports.store.records(Person, after="", limit=PEOPLE_MOST)).items
    return any(person.rights is not None for person in people)


async def list_people(ports: Ports) -> Sequence[Known]:
    """Everyone who has signed in, oldest first."""
    return [await _known(ports, person) for person in (await ports.store.records(Person, after="", limit=PEOPLE_MOST)).items]


async def known_person(ports: Ports, person: str) -> Known:
    """The person, as lists show them.  Raises: PersonNotFound."""
    found = await ports.store.record(Person, PersonName(person))
    if found is None:
        raise PersonNotFound
    return await _known(ports, found)


async def _known(ports: Ports, person: Person) -> Known:
    passkeys = await passkeys_of(ports, person.name)
    sessions = (await ports.store.records(Session, *person.name, after="", limit=PEOPLE_MOST)).items
    return Known(person, len(passkeys), sessions)


async def open_invitations(ports: Ports) -> Sequence[Invitation]:
    """Those that were not used yet, oldest first."""
    return (await ports.store.records(Invitation, after="", limit=INVITATIONS_MOST)).items


async def passkeys_of(ports: Ports, name: PersonName) -> Sequence[Passkey]:
    """The person's passkeys, oldest first."""
    return (await ports.store.records(Passkey, *name, after="", limit=PEOPLE_MOST)).items


async def forget_person(ports: Ports, person: str) -> None:
    """The person, with all passkeys and sessions, is gone, and so is every open invitation of theirs.

    Someone whom an identity provider's groups let in may sign in again.  Raises: PersonNotFound.
    """
    name = PersonName(person)
    invitations = [one.name for one in await open_invitations(ports) if one.person == person]

    def rule(records: Records) -> RecordDecision[bool]:
        there = records.one(Person, name) is not None
        return RecordDecision(there or bool(invitations), (*map(Delete, invitations), *((Delete(name),) if there else ())))

    if not await ports.store.decide_records((name,), rule):
        raise PersonNotFound
