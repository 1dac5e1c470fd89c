"""Callers: who signs in, with which key, and what its roles allow (`rights.py` judges).

Source: amapi.md §4.5–4.7, §8.2; google.api.ErrorReason.
"""

import enum
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from heliograph.domain.device import position
from heliograph.domain.rights import UNRESOLVED, Rights
from heliograph.domain.roles import BUILT_IN, RoleDefinition
from heliograph.protojson.errors import PermissionDenied, Unauthenticated

SCOPE = "https://www.googleapis.com/auth/androidmanagement"
"""The only scope that AMAPI has.  Source: disc, `auth`."""
EVERY_ENTERPRISE = "*"
"""In a key's list: every enterprise there is and will be."""

OF_SESSIONS = "sessions/"
"""What a Caller's `key_id` begins with if it has no key, and signed in with a browser."""
ANYBODYS_ACTOR = "anybody"
"""The actor of callers without a name (`--no-auth`, the sandbox)."""

_GOOGLE_ASKS_FOR = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


class CredentialsMissing(Unauthenticated):
    """Request is missing required authentication credential."""

    reason = "CREDENTIALS_MISSING"

    def __init__(self) -> None:
        """Google's words."""
        super().__init__(f"Request is missing required authentication credential. {_GOOGLE_ASKS_FOR}")


class CredentialsInvalid(Unauthenticated):
    """Request had invalid authentication credentials."""

    reason = "ACCESS_TOKEN_TYPE_UNSUPPORTED"

    def __init__(self, why: str = "") -> None:
        """Google's words; `why` goes into the ErrorInfo, because Google's words do not help."""
        super().__init__(
            f"Request had invalid authentication credentials. {_GOOGLE_ASKS_FOR}",
            metadata={"why": why} if why else None,
        )


class AccessTokenExpired(CredentialsInvalid):
    """The access token has expired."""

    reason = "ACCESS_TOKEN_EXPIRED"


class AccountGone(CredentialsInvalid):
    """The key that signed the token is unknown here: it was deleted, or belongs to another server."""

    reason = "ACCOUNT_STATE_INVALID"


class ScopeInsufficient(PermissionDenied):
    """Request had insufficient authentication scopes."""

    reason = "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


class KeyExpired(CredentialsInvalid):
    """The key that signed the token has expired: make another, with heliograph keys rotate before it does."""

    reason = "ACCOUNT_STATE_INVALID"


class Role(enum.StrEnum):
    """The roles that every server has (roles.py, BUILT_IN)."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


class ServiceKeyName(NamedTuple):
    """What a service-account key is found by."""

    key_id: str


class ServiceKey(msgspec.Struct, frozen=True, kw_only=True):
    """What the server keeps of a service-account key: everything but the private half, which it never sees."""

    key_id: str
    """Made from the public key (`service/service_keys`): the same key has the same id everywhere."""
    client_email: str
    client_id: str
    project_id: str
    role: str
    """A role's id: one of Role, or a custom one."""
    enterprises: tuple[str, ...]
    """Ids; EVERY_ENTERPRISE among them: all."""
    public_key: str
    """PEM, SubjectPublicKeyInfo."""
    created_us: int
    person: str = ""
    """The human behind the key: an e-mail address or an OIDC subject; empty: none known."""
    expires_us: int = 0
    """When it ends; 0: it does not."""
    blast_radius: int = 0
    """Distinct devices that its actor may destroy in an hour; 0: as many as wanted, as keys from before this was there."""

    def has_expired(self, now_us: int) -> bool:
        """Whether its time is over."""
        return 0 < self.expires_us <= now_us

    @property
    def position(self) -> str:
        """The key's place in lists (oldest first)."""
        return position(self.created_us, self.key_id)

    @property
    def caller(self) -> "Caller":
        everywhere = EVERY_ENTERPRISE in self.enterprises
        return Caller(
            email=self.client_email,
            role=self.role,
            enterprises=None if everywhere else frozenset(self.enterprises),
            person=self.person,
            key_id=self.key_id,
            blast_radius=self.blast_radius,
        )


class KeyUseName(NamedTuple):
    """The key."""

    key_id: str


class KeyUse(msgspec.Struct, frozen=True, kw_only=True):
    """When a key was last used, to the minute: a caller is looked up once a minute, and that is noted."""

    name: KeyUseName
    last_used_us: int

    @property
    def position(self) -> str:
        """Its place in lists."""
        return self.name.key_id


class AccessStateName(NamedTuple):
    """What the state is of: ACCESS."""

    what: str


class AccessState(msgspec.Struct, frozen=True, kw_only=True):
    """How often keys, roles and bindings were changed: a server that finds another number forgets whom it knows."""

    name: AccessStateName
    changes: int


ACCESS = AccessStateName("access")
"""The one state there is."""


def changed_state(state: AccessState | None) -> AccessState:
    """The state after one more change."""
    return AccessState(name=ACCESS, changes=1 if state is None else state.changes + 1)


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A caller. Without arguments: an unnamed one who may do everything (`--no-auth`, the sandbox)."""

    email: str = ""
    role: str = Role.ADMIN
    """The role that its key was made with; empty: it has only those that it is bound to."""
    enterprises: frozenset[str] | None = None
    """Ids of the enterprises that the caller manages; None: all."""
    person: str = ""
    """The human behind the key or session: an e-mail address or an OIDC subject; empty: none known."""
    key_id: str = ""
    """The key that the caller signed in with, or `sessions/…`; empty: the caller has neither."""
    groups: tuple[str, ...] = ()
    """Of a person who signed in: the groups that the identity provider named."""
    blast_radius: int = 0
    """Distinct devices that the actor may destroy in an hour; 0: as many as wanted."""
    rights: Rights = UNRESOLVED
    """What its roles allow; not given: what the built-in role of this name allows."""

    def __post_init__(self) -> None:
        if self.rights is UNRESOLVED:
            roles = [BUILT_IN[self.role]] if self.role in BUILT_IN else []
            msgspec.structs.force_setattr(self, "rights", self.rights_by(roles))

    def with_rights(self, roles: Iterable[RoleDefinition]) -> "Caller":
        """The caller who has these roles."""
        return msgspec.structs.replace(self, rights=self.rights_by(roles))

    def rights_by(self, roles: Iterable[RoleDefinition]) -> Rights:
        """What these roles allow the caller."""
        return Rights(roles, enterprises=self.enterprises, actor=self.actor, blast_radius=self.blast_radius)

    @property
    def actor(self) -> str:
        """Who is counted, recorded and asked: the person if known, else the account; two keys of one person are one actor."""
        return self.person or self.email or ANYBODYS_ACTOR


ANYBODY = Caller()
