"""People who sign in: who they are, what they may do, their passkeys, and the links by which they are invited.

There are no passwords. A person has passkeys (WebAuthn), or is known to the operator's identity provider (OpenID Connect) and has a
record here only so that all of its sessions can be ended at once.
"""

import re
from typing import NamedTuple

import msgspec

from heliograph.domain.access import EVERY_ENTERPRISE, OF_SESSIONS, Caller
from heliograph.domain.device import position
from heliograph.protojson.errors import InvalidArgument

HOUR_US = 3_600 * 1_000_000
INVITATION_LIFE_US = 24 * HOUR_US
FIRST_INVITATION = "first"
"""The id of the link that a server without people prints. A fixed one: a newer start replaces the link of the one before."""
FIRST_INVITATION_LIFE_US = HOUR_US
"""Shorter: what a server prints, other programs keep."""
PASSKEYS_MOST = 16
"""Of one person: a few devices and security keys."""
PERSON_MAX_CHARS = 254
"""Source: RFC 5321 §4.5.3.1.3, as errata 1690 counts."""

_PERSON = re.compile(r"[^\s/@\x00-\x1f\x7f]+(@[^\s/@\x00-\x1f\x7f]+)?")


class PersonName(NamedTuple):
    """`people/{person}`: an e-mail address in small letters, or what an identity provider calls a person (`sub`)."""

    person: str


class Rights(msgspec.Struct, frozen=True):
    """What someone who signed in may do."""

    role: str
    """A role's id: one of access.Role, or a custom one."""
    enterprises: tuple[str, ...]
    """Ids; EVERY_ENTERPRISE among them: all."""
    groups: tuple[str, ...] = ()
    """Of someone whom an identity provider let in: their groups there, to which roles may be bound."""

    def caller(self, person: str, *, session_id: str, blast_radius: int = 0) -> Caller:
        """The person as a caller of the API, who may destroy so many devices an hour (0: as many as wanted)."""
        everywhere = EVERY_ENTERPRISE in self.enterprises
        return Caller(
            email=person, role=self.role, enterprises=None if everywhere else frozenset(self.enterprises), person=person,
            key_id=f"{OF_SESSIONS}{session_id}", blast_radius=blast_radius, groups=self.groups,
        )  # fmt: skip


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What the server keeps of a person."""

    name: PersonName
    created_us: int
    user_handle: bytes
    """What authenticators call the person. Made by chance, so that it says nothing.  Source: WebAuthn Level 3, "user handle"."""
    rights: Rights | None = None
    """None: the identity provider's groups decide at each sign-in, and passkeys open nothing."""
    display_name: str = ""
    sessions_ended: int = 0
    """How often all of the person's sessions were ended: a session of an earlier round is over."""

    @property
    def position(self) -> str:
        """The person's place in lists (oldest first)."""
        return position(self.created_us, self.name.person)


class PasskeyName(NamedTuple):
    """`people/{person}/passkeys/{passkey}`."""

    person: str
    passkey: str


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """The public half of a key in someone's device."""

    name: PasskeyName
    credential_id: str
    """Base64url."""
    credential_data: bytes
    """AAGUID, credential id and public key, as the authenticator gave them.  Source: WebAuthn Level 3 §6.5.1."""
    host: str
    """The relying party's id: the host at which it was made, the only one at which it opens anything."""
    created_us: int
    used_us: int
    uses: int = 0
    """The authenticator's own counter; 0: it has none. One that does not grow is a copy's."""
    label: str = ""

    @property
    def position(self) -> str:
        """The passkey's place in lists (oldest first)."""
        return position(self.created_us, self.name.passkey)


class InvitationName(NamedTuple):
    """`invitations/{invitation}`."""

    invitation: str


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A link that makes one passkey, once."""

    name: InvitationName
    secret_hash: str
    person: str
    """Empty: the first to open it chooses a name, and only while that name is free."""
    rights: Rights
    created_us: int
    expires_us: int

    @property
    def position(self) -> str:
        """The invitation's place in lists (oldest first)."""
        return position(self.created_us, self.name.invitation)


def known_as(person: str) -> str:
    """The person as records, keys and sessions name them: an e-mail address in small letters, anything else as it is.

    Two ways to write one address must not make two people: one of them could approve what the other asked for.
    """
    return person.lower() if "@" in person else person


def person_named(text: str) -> str:
    """The person as records name it.  Raises: InvalidArgument."""
    person = known_as(text.strip())
    if not _PERSON.fullmatch(person) or len(person) > PERSON_MAX_CHARS:
        raise InvalidArgument(f"Invalid person {text[:64]!r}: write an e-mail address, or a name without spaces.")
    return person
