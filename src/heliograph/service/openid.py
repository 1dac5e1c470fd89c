"""Signing in with the operator's identity provider (OpenID Connect)."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from heliograph.domain.openid import GroupRule, OpenIdPerson
from heliograph.domain.people import Person
from heliograph.domain.session import Attempt
from heliograph.protojson.errors import PermissionDenied, Unavailable
from heliograph.service.acting import speak_for
from heliograph.service.ports import Ports
from heliograph.service.record_rules import RecordDecision, Records
from heliograph.service.rules import Put
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


async def sign_in_with_openid(ports: Ports, times: SessionTimes, who: OpenIdPerson, start: Start) -> SignedIn:
    """The person is signed in, with the rights that `start` has from the groups.  Raises: AttemptSpent."""
    name = who.name
    start = await bounded(ports, name, start)

    def rule(records: Records) -> RecordDecision[SignedIn]:
        known = records.one(Person, name)
        new = Person(name=name, created_us=records.now_us, user_handle=start.spends.name.attempt[:32].encode())
        person = msgspec.structs.replace(known or new, display_name=who.display_name)
        session, writes = begun(records, person, start, times)
        return RecordDecision(SignedIn(person, session, who.rights), (Put(person), *writes))

    speak_for(name.person)
    return await ports.store.decide_records((start.spends.name, name), rule)
