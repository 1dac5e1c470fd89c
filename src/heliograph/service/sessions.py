"""Sessions: how they begin, are used and end. The console and its pages stand on them; the API takes them beside keys."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from heliograph.domain.access import Caller
from heliograph.domain.people import Person, PersonName, Rights
from heliograph.domain.session import (
    AGENT_MAX_CHARS,
    SESSIONS_MOST,
    Session,
    SessionName,
    SpentAttempt,
    hash_of,
    is_current,
    rights_of,
    touched,
    wants_touch,
)
from heliograph.protojson.errors import PermissionDenied
from heliograph.service.acting import speak_for, unrecorded
from heliograph.service.ports import Ports
from heliograph.service.record_rules import RecordDecision, Records, RecordWrite
from heliograph.service.rules import Delete, Put

LISTED_MOST = 1_000
"""More than anyone has: beyond SESSIONS_MOST the oldest ends, and several sign-ins at once may each leave one."""


class AttemptSpent(PermissionDenied):
    """This sign-in was completed already, or began too long ago. Start again."""

    reason = "SIGN_IN_ATTEMPT_SPENT"


class SessionTimes(NamedTuple):
    """How long sessions last, in microseconds."""

    idle_us: int
    absolute_us: int


class SignedIn(NamedTuple):
    """Someone who signed in."""

    person: Person
    session: Session
    rights: Rights

    @property
    def caller(self) -> Caller:
        """The person as a caller of the API."""
        return self.rights.caller(self.person.name.person, session_id=self.session.name.session)


class Start(NamedTuple):
    """What a session begins with."""

    secret: str
    session_id: str
    how: str
    spends: SpentAttempt
    """The attempt that leads to it, and to no other."""
    address: str = ""
    user_agent: str = ""
    rights: Rights | None = None
    replaces: tuple[SessionName, ...] = ()
    """Sessions that end with its beginning: the browser's former one, and the oldest of too many."""


async def find_session(ports: Ports, secret: str) -> SignedIn | None:
    """Who is signed in with this secret; None: no one (any more)."""
    found = await ports.store.records_found(Session, hash_of(secret)) if secret else ()
    for session in found:
        person = await ports.store.record(Person, PersonName(session.name.person))
        if person is not None and is_current(session, person, now_us=ports.clock.now_us()):
            rights = rights_of(session, person)
            speak_for(person.name.person)
            return None if rights is None else SignedIn(person, session, rights)
    return None


async def use_session(ports: Ports, times: SessionTimes, secret: str) -> SignedIn | None:
    """Who is signed in with this secret, whose session is used now and so lasts longer; None: no one (any more)."""
    found = await find_session(ports, secret)
    if found is None or not wants_touch(found.session, now_us=ports.clock.now_us(), idle_us=times.idle_us):
        return found
    person_name, session_name = found.person.name, found.session.name

    def rule(records: Records) -> RecordDecision[SignedIn | None]:
        person, session = records.one(Person, person_name), records.one(Session, session_name)
        if person is None or session is None or not is_current(session, person, now_us=records.now_us):
            return RecordDecision(None)
        used = touched(session, now_us=records.now_us, idle_us=times.idle_us)
        return RecordDecision(found._replace(person=person, session=used), (Put(used),))

    with unrecorded():
        return await ports.store.decide_records((person_name, session_name), rule)


def begun(records: Records, person: Person, start: Start, times: SessionTimes) -> tuple[Session, Sequence[RecordWrite]]:
    """The session and what is written for it, in a rule that names the attempt (`start.spends.name`) and the person.

    Raises: AttemptSpent.
    """
    if records.one(SpentAttempt, start.spends.name) is not None or start.spends.expires_us <= records.now_us:
        raise AttemptSpent
    now_us = records.now_us
    ends_us = now_us + times.absolute_us
    session = Session(
        name=SessionName(person.name.person, start.session_id), secret_hash=hash_of(start.secret), how=start.how, created_us=now_us,
        used_us=now_us, expires_us=min(now_us + times.idle_us, ends_us), ends_us=ends_us, round=person.sessions_ended,
        rights=start.rights, address=start.address, user_agent=start.user_agent[:AGENT_MAX_CHARS],
    )  # fmt: skip
    return session, (Put(start.spends), Put(session), *map(Delete, start.replaces))


async def sessions_of(ports: Ports, person: PersonName) -> Sequence[Session]:
    """The person's sessions that still open something, oldest first."""
    record = await ports.store.record(Person, person)
    found = (await ports.store.records(Session, *person, after="", limit=LISTED_MOST)).items
    now_us = ports.clock.now_us()
    return [session for session in found if record is not None and is_current(session, record, now_us=now_us)]


async def bounded(ports: Ports, person: PersonName, start: Start) -> Start:
    """With the oldest sessions that end so that this one may begin."""
    found = (await ports.store.records(Session, *person, after="", limit=LISTED_MOST)).items
    oldest = [session.name for session in found[: max(0, len(found) + 1 - SESSIONS_MOST)]]
    return start._replace(replaces=tuple(dict.fromkeys((*start.replaces, *oldest))))


async def end_session(ports: Ports, name: SessionName) -> bool:
    """The session opens nothing any more. Returns whether there was one."""

    def rule(records: Records) -> RecordDecision[bool]:
        there = records.one(Session, name) is not None
        return RecordDecision(there, (Delete(name),) if there else ())

    return await ports.store.decide_records((name,), rule)


async def end_all_sessions(ports: Ports, person: PersonName) -> None:
    """No session of the person opens anything any more, not even one that begins at this moment."""
    known = [session.name for session in (await ports.store.records(Session, *person, after="", limit=LISTED_MOST)).items]

    def rule(records: Records) -> RecordDecision[None]:
        record = records.one(Person, person)
        if record is None:
            return RecordDecision(None)
        return RecordDecision(None, (Put(_in_next_round(record)), *map(Delete, known)))

    await ports.store.decide_records((person,), rule)


def _in_next_round(person: Person) -> Person:
    return msgspec.structs.replace(person, sessions_ended=person.sessions_ended + 1)
