"""Callers and their rights: keys, roles, and the one place where a caller's right to a method is judged.

Source: amapi.md §4.5–4.7, §8.2; google.api.ErrorReason.
"""

import enum
from typing import NamedTuple

import msgspec

from heliograph.domain.device import position
from heliograph.domain.errors import EnterpriseNotAuthorized
from heliograph.protojson.errors import PermissionDenied, Unauthenticated

SCOPE = "https://www.googleapis.com/auth/androidmanagement"
"""The only scope that AMAPI has.  Source: disc, `auth`."""
EVERY_ENTERPRISE = "*"
"""In a key's list: every enterprise there is and will be."""

ANYBODYS_ACTOR = "anybody"
"""The actor of callers without a name (`--no-auth`, the sandbox)."""

READ_VERBS = frozenset({"explain", "get", "list", "timeline"})
"""The last word of the ids of methods that change nothing; any other method counts as one that writes."""

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


class RoleInsufficient(PermissionDenied):
    """This key has the role viewer, which may only get and list: use a key made with --role admin."""

    reason = "ROLE_INSUFFICIENT"


class NotEveryEnterprise(PermissionDenied):
    """This key manages only the enterprises it names: for the whole server, use a key made with --enterprise '*'."""

    reason = "NOT_EVERY_ENTERPRISE"


class Role(enum.Enum):
    """What a key may do in its enterprises: everything, or read."""

    ADMIN = "admin"
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
    role: Role
    enterprises: tuple[str, ...]
    """Ids; EVERY_ENTERPRISE among them: all."""
    public_key: str
    """PEM, SubjectPublicKeyInfo."""
    created_us: int
    person: str = ""
    """The human behind the key: an e-mail address or an OIDC subject; empty: none known."""

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
        )


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A caller. Without arguments: an unnamed one who may do everything (`--no-auth`, the sandbox)."""

    email: str = ""
    role: Role = Role.ADMIN
    enterprises: frozenset[str] | None = None
    """Ids of the enterprises that the caller manages; None: all."""
    person: str = ""
    """The human behind the key or session: an e-mail address or an OIDC subject; empty: none known."""
    key_id: str = ""
    """The key that the caller signed in with; empty: the caller has none."""

    @property
    def actor(self) -> str:
        """Who is counted, recorded and asked: the person if known, else the account; two keys of one person are one actor."""
        return self.person or self.email or ANYBODYS_ACTOR


ANYBODY = Caller()


def is_write(method_id: str) -> bool:
    """Whether a method changes anything, by its id."""
    return method_id.rpartition(".")[2] not in READ_VERBS


def authorize(caller: Caller, *, writes: bool, enterprise: str | None) -> None:
    """Check that the caller may call a method that concerns this enterprise (None: the whole server).

    Whether the enterprise exists is not checked: a caller who may not manage it must not learn it.

    Raises: EnterpriseNotAuthorized, RoleInsufficient, NotEveryEnterprise.
    """
    if caller.enterprises is not None:
        if enterprise is not None and enterprise not in caller.enterprises:
            raise EnterpriseNotAuthorized
        if enterprise is None and writes:
            raise NotEveryEnterprise
    if writes and caller.role is not Role.ADMIN:
        raise RoleInsufficient
