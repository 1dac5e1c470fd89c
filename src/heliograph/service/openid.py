"""Signing in with the operator's identity provider (OpenID Connect)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from heliograph.domain.openid import GroupRule, OpenIdPerson
from heliograph.domain.openid_logout import Logout, LogoutTokenRejected, OpenIdSource, OpenIdSourceName, with_session
from heliograph.domain.people import Person
from heliograph.domain.session import Attempt, Session, SessionName, SpentAttempt
from heliograph.protojson.errors import PermissionDenied, Unavailable
from heliograph.service.acting import speak_for
from heliograph.service.ports import Ports
from heliograph.service.record_rules import RecordDecision, Records, RecordWrite
from heliograph.service.rules import Delete, Put
from heliograph.service.sessions import SessionTimes, SignedIn, Start, begun, bounded


class ProviderUnreachable(Unavailable):
    """The identity provider does not answer as it should. Try again in a moment."""

    reason = "IDENTITY_PROVIDER_UNREACHABLE"


class ProviderAnswerRejected(PermissionDenied):
    """What the identity provider said could not be verified, so no one was signed in. Start again."""

    reason = "IDENTITY_PROVIDER_ANSWER_REJECTED"


class IdentityProvider(Protocol):
    """Who says who people are. Every answer of it is verified before it comes from here."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def groups_claim(self) -> str: ...

    @property
    def rules(self) -> Sequence[GroupRule]: ...

    async def authorization_url(self, attempt: Attempt, redirect_uri: str) -> str:
        """Where a browser begins to sign in.  Raises: ProviderUnreachable."""

    async def claims(self, answer: Mapping[str, str], attempt: Attempt, redirect_uri: str) -> Mapping[str, Any]:
        """What the provider says of the person who came back with this answer, in the attempt that this browser began.

        Raises: ProviderUnreachable, ProviderAnswerRejected.
        """

    async def logout(self, token: str) -> Logout:
        """What the provider says with this logout token.  Raises: LogoutTokenRejected, ProviderUnreachable."""

    async def sign_out_url(self, back_to: str) -> str:
        """Where a browser signs out at the provider, and then comes back to this address; empty: the provider has no such page.

        Raises: ProviderUnreachable.
        """


class SignedOutMeanwhile(PermissionDenied):
    """The identity provider signed you out while you signed in here. Start again."""

    reason = "SIGNED_OUT_MEANWHILE"


class LogoutTokenSpent(LogoutTokenRejected):
    """The logout token was not accepted."""

    reason = "LOGOUT_TOKEN_SPENT"


async def sign_in_with_openid(ports: Ports, times: SessionTimes, who: OpenIdPerson, start: Start) -> SignedIn:
    """The person is signed in, with the rights that `start` has from the groups.  Raises: AttemptSpent, SignedOutMeanwhile."""
    name = who.name
    start = await bounded(ports, name, start)

    def rule(records: Records) -> RecordDecision[SignedIn]:
        known = records.one(Person, name)
        new = Person(name=name, created_us=records.now_us, user_handle=start.spends.name.attempt[:32].encode())
        person = msgspec.structs.replace(known or new, display_name=who.display_name)
        session, writes = begun(records, person, start, times)
        from_there = [write for source in who.begun.sources for write in _begun_with(records, source, who.begun.issued_s, session)]
        return RecordDecision(SignedIn(person, session, who.rights), (Put(person), *writes, *from_there))

    speak_for(name.person)
    return await ports.store.decide_records((start.spends.name, name, *who.begun.sources), rule)


def _begun_with(records: Records, name: OpenIdSourceName, issued_s: int, session: Session) -> Iterable[RecordWrite]:
    """What is written so that the provider can end the session.  Raises: SignedOutMeanwhile: it did already."""
    source = records.one(OpenIdSource, name) or OpenIdSource(name=name, expires_us=session.ends_us)
    if not source.admits(issued_s):
        raise SignedOutMeanwhile
    source, surplus = with_session(source, session.name, ends_us=session.ends_us)
    return Put(source), *map(Delete, surplus)


async def end_at_provider(ports: Ports, logout: Logout) -> Sequence[SessionName]:
    """What began with the logout's source is over, at all servers, and so is what is about to begin. Returns the sessions that ended.

    Raises: LogoutTokenSpent: the token has counted already.
    """

    def rule(records: Records) -> RecordDecision[Sequence[SessionName] | None]:
        if records.one(SpentAttempt, logout.spends.name) is not None:
            raise LogoutTokenSpent
        source = records.one(OpenIdSource, logout.source) or OpenIdSource(name=logout.source, expires_us=0)
        if not known.issuperset(source.sessions):
            return RecordDecision(None)  # one began since these were read
        there = [session for session in source.sessions if records.one(Session, session) is not None]
        over = Put(source.ended(logout, now_us=records.now_us))
        return RecordDecision(there, (Put(logout.spends), over, *map(Delete, there)))

    while True:
        found = await ports.store.record(OpenIdSource, logout.source)
        known = frozenset(found.sessions if found is not None else ())
        for session in known:
            speak_for(session.person)
        ended = await ports.store.decide_records((logout.spends.name, logout.source, *sorted(known)), rule)
        if ended is not None:
            return ended
