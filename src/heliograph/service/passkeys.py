"""Passkeys: made from an invitation or in a session, used to sign in, removed."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from heliograph.domain.people import PASSKEYS_MOST, Invitation, Passkey, PasskeyName, Person, PersonName, person_named
from heliograph.domain.session import Attempt, SpentAttempt
from heliograph.protojson.errors import AlreadyExists, FailedPrecondition, NotFound, PermissionDenied
from heliograph.service.acting import speak_for
from heliograph.service.people import InvitationGone, passkeys_of
from heliograph.service.ports import Ports
from heliograph.service.record_rules import RecordDecision, Records
from heliograph.service.rules import Delete, Put
from heliograph.service.sessions import AttemptSpent, SessionTimes, SignedIn, Start, begun, bounded
from heliograph.service.webauthn import PasskeyRejected, Registered, Site, asserted, creation_options, credential_id_in, registered

LABEL_MAX_CHARS = 64
ID_CHARS = 22


class NameTaken(AlreadyExists):
    """Someone of this name is here already: choose another."""


class PasskeyUnknown(PermissionDenied):
    """This server does not know this passkey. It was removed, or belongs to another server."""

    reason = "PASSKEY_UNKNOWN"


class PasskeyCopied(PermissionDenied):
    """This passkey was used more often than this device says, so there is a copy of it. Remove it, and find out who has the copy."""

    reason = "PASSKEY_COPIED"


class PasskeyNotFound(NotFound):
    """You have no such passkey."""


class LastPasskey(FailedPrecondition):
    """This is your only passkey: add another one first, or no one can sign in as you."""


class TooManyPasskeys(FailedPrecondition):
    """You have as many passkeys as one may have: remove one first."""


class NewPasskey(msgspec.Struct, frozen=True, kw_only=True):
    """A browser's answer to the request to make a passkey."""

    site: Site
    answer: str
    attempt: Attempt
    label: str = ""


async def passkey_wanted(ports: Ports, site: Site, attempt: Attempt, person: str) -> Mapping[str, Any]:
    """What a browser is asked to make for this person (empty: for one who still has to choose a name)."""
    known = await ports.store.record(Person, PersonName(person)) if person else None
    passkeys = await passkeys_of(ports, known.name) if known else ()
    return creation_options(
        site, challenge=attempt.challenge, user_handle=known.user_handle if known else attempt.user_handle, name=person or "you",
        display_name=(known.display_name if known else "") or person or "you", known=[_bytes(one.credential_id) for one in passkeys],
    )  # fmt: skip


async def accept_invitation(
    ports: Ports, times: SessionTimes, invitation: Invitation, person: str, made: NewPasskey, start: Start
) -> SignedIn:
    """The person has the new passkey and the invitation's rights, and is signed in; the invitation is used.

    `person`: the name that was chosen, if the invitation leaves that open.

    Raises: PasskeyRejected, InvitationGone, NameTaken, TooManyPasskeys, AttemptSpent, InvalidArgument: no name.
    """
    name = PersonName(invitation.person or person_named(person))
    credential = registered(made.site, made.answer, challenge=made.attempt.challenge)
    await _require_unknown(ports, credential)
    there = await passkeys_of(ports, name)
    start = await bounded(ports, name, start)

    def rule(records: Records) -> RecordDecision[SignedIn]:
        open_one = records.one(Invitation, invitation.name)
        if open_one is None or open_one.secret_hash != invitation.secret_hash:
            raise InvitationGone
        known = records.one(Person, name)
        if known is not None and not invitation.person:
            raise NameTaken
        if len(there) >= PASSKEYS_MOST:
            raise TooManyPasskeys
        new = Person(name=name, created_us=records.now_us, user_handle=made.attempt.user_handle)
        person = msgspec.structs.replace(known or new, rights=invitation.rights)
        session, writes = begun(records, person, start, times)
        passkey = _passkey(name, made, credential, now_us=records.now_us)
        return RecordDecision(SignedIn(person, session, invitation.rights), (Put(person), Put(passkey), Delete(invitation.name), *writes))

    speak_for(name.person)
    return await ports.store.decide_records((invitation.name, name, start.spends.name), rule)


async def sign_in_with_passkey(ports: Ports, times: SessionTimes, site: Site, answer: str, challenge: bytes, start: Start) -> SignedIn:
    """The person with the passkey is signed in.

    Raises: PasskeyRejected, PasskeyUnknown, PasskeyCopied, AttemptSpent.
    """
    found = await ports.store.records_found(Passkey, credential_id_in(answer))
    if not found or found[0].host != site.host:
        raise PasskeyUnknown
    known = found[0]
    used = asserted(site, answer, challenge=challenge, credential_data=known.credential_data)
    person_name = PersonName(known.name.person)
    start = await bounded(ports, person_name, start)

    def rule(records: Records) -> RecordDecision[SignedIn]:
        person, passkey = records.one(Person, person_name), records.one(Passkey, known.name)
        if person is None or passkey is None or person.rights is None:
            raise PasskeyUnknown
        if (used.uses or passkey.uses) and used.uses <= passkey.uses:
            raise PasskeyCopied
        session, writes = begun(records, person, start, times)
        now = msgspec.structs.replace(passkey, uses=used.uses, used_us=records.now_us)
        return RecordDecision(SignedIn(person, session, person.rights), (Put(now), *writes))

    speak_for(person_name.person)
    return await ports.store.decide_records((start.spends.name, person_name, known.name), rule)


async def add_passkey(ports: Ports, signed_in: SignedIn, made: NewPasskey) -> Passkey:
    """The person who is signed in has one more passkey.

    Raises: PasskeyRejected, TooManyPasskeys, AttemptSpent, PermissionDenied: the session is not fresh, or not a passkey's.
    """
    session, name = signed_in.session, signed_in.person.name
    credential = registered(made.site, made.answer, challenge=made.attempt.challenge)
    await _require_unknown(ports, credential)
    there = await passkeys_of(ports, name)
    spends = SpentAttempt(name=made.attempt.spent_name, expires_us=made.attempt.expires_us)

    def rule(records: Records) -> RecordDecision[Passkey]:
        if not may_add_passkey(signed_in, now_us=records.now_us) or records.one(Person, name) is None:
            raise PermissionDenied("Sign in again to add a passkey.")
        if records.one(SpentAttempt, spends.name) is not None:
            raise AttemptSpent
        if len(there) >= PASSKEYS_MOST:
            raise TooManyPasskeys
        passkey = _passkey(name, made, credential, now_us=records.now_us)
        return RecordDecision(passkey, (Put(spends), Put(passkey)))

    return await ports.store.decide_records((name, session.name, spends.name), rule)


def may_add_passkey(signed_in: SignedIn, *, now_us: int) -> bool:
    """Whether the session is fresh, and began with a passkey of someone who signs in with passkeys."""
    return signed_in.session.how == "passkey" and signed_in.session.is_fresh(now_us) and signed_in.person.rights is not None


async def delete_passkey(ports: Ports, name: PasskeyName) -> None:
    """The passkey opens nothing any more; sessions that began with it last.  Raises: PasskeyNotFound, LastPasskey."""
    person = PersonName(name.person)
    others: Sequence[Passkey] = [passkey for passkey in await passkeys_of(ports, person) if passkey.name != name]

    def rule(records: Records) -> RecordDecision[None]:
        if records.one(Passkey, name) is None:
            raise PasskeyNotFound
        if not any(records.one(Passkey, other.name) for other in others):
            raise LastPasskey
        return RecordDecision(None, (Delete(name),))

    await ports.store.decide_records((person, name, *(other.name for other in others)), rule)


async def _require_unknown(ports: Ports, credential: Registered) -> None:
    """Raises: PasskeyRejected: another person has this credential, or claims to."""
    if await ports.store.records_found(Passkey, _text(credential.credential_id)):
        raise PasskeyRejected("This passkey is known here already: sign in with it.")


def _passkey(person: PersonName, made: NewPasskey, credential: Registered, *, now_us: int) -> Passkey:
    return Passkey(
        name=PasskeyName(person.person, hashlib.sha256(credential.credential_id).hexdigest()[:ID_CHARS]),
        credential_id=_text(credential.credential_id), credential_data=credential.credential_data, host=made.site.host,
        created_us=now_us, used_us=now_us, uses=credential.uses, label=" ".join(made.label.split())[:LABEL_MAX_CHARS],
    )  # fmt: skip


def _bytes(credential_id: str) -> bytes:
    return base64.urlsafe_b64decode(credential_id + "=" * (-len(credential_id) % 4))


def _text(credential_id: bytes) -> str:
    return base64.urlsafe_b64encode(credential_id).rstrip(b"=").decode()
