"""OpenID Connect: who a person is and what they may do, by what the operator's identity provider says.

Source: OpenID Connect Core 1.0 §5.1 (standard claims), §5.7 (only `iss` and `sub` together are a stable name).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from heliograph.domain.access import EVERY_ENTERPRISE
from heliograph.domain.names import ID_PATTERN
from heliograph.domain.openid_logout import Begun, begun_with
from heliograph.domain.people import PERSON_MAX_CHARS, PersonName, Rights, person_named
from heliograph.domain.roles import ROLE_ID
from heliograph.domain.web_address import is_loopback_name, read_web_address
from heliograph.protojson.errors import InvalidArgument, PermissionDenied

DISPLAY_NAME_MAX_CHARS = 128
GROUPS_MOST, GROUP_MAX_CHARS = 200, 256
"""Kept of one person. Entra ID names 200 in a token."""
_SUBJECT = re.compile(r"[!-~]+( [!-~]+)*")
"""Source: OpenID Connect Core 1.0 §2, `sub`: at most 255 ASCII characters."""


class NoGroup(PermissionDenied):
    """Your account is in no group that may sign in here. Ask the people who run this server."""

    reason = "NO_GROUP"


class NoSubject(PermissionDenied):
    """The identity provider did not say who you are."""

    reason = "NO_SUBJECT"


class GroupRule(NamedTuple):
    """What the members of a group may do."""

    group: str
    rights: Rights


class OpenIdPerson(NamedTuple):
    """Someone whom the identity provider knows."""

    name: PersonName
    display_name: str
    rights: Rights
    begun: Begun
    """With what the session begins at the provider, which may end it."""


def group_rule(text: str) -> GroupRule:
    """The rule in `GROUP=ROLE:ENTERPRISE,…`. A group's name may have `=` and `:` in it.  Raises: InvalidArgument."""
    group, _, given = text.rpartition("=")
    role, _, enterprises = given.partition(":")
    found = tuple(dict.fromkeys(enterprises.split(",")))
    if not group or not ROLE_ID.fullmatch(role) or not all(map(_is_enterprise, found)):
        raise InvalidArgument(f"{text[:128]!r} must be GROUP=ROLE:ENTERPRISE, as in fleet-admins=admin:* or acme-desk=viewer:acme,globex.")
    return GroupRule(group, Rights(role, found))


def _is_enterprise(text: str) -> bool:
    return text == EVERY_ENTERPRISE or ID_PATTERN.fullmatch(text) is not None


def check_provider_url(text: str) -> str:
    """The address of an identity provider, or of one of its endpoints.  Raises: InvalidArgument: it is not https, nor on loopback."""
    address = read_web_address(text)
    if address is None or not (address.scheme == "https" or (address.scheme == "http" and is_loopback_name(address.host))):
        raise InvalidArgument(f"{text[:256]!r} must be an address by https, as in https://accounts.example.com.")
    return text


def person_of(claims: Mapping[str, Any], *, groups_claim: str, rules: Sequence[GroupRule]) -> OpenIdPerson:
    """The person whom these claims, verified before, are about.

    The e-mail address is the name only if the provider says that it verified it: any other may be written into an account by its owner.

    Raises: NoSubject, NoGroup.
    """
    subject, email = claims.get("sub"), claims.get("email")
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject) or len(subject) > PERSON_MAX_CHARS:
        raise NoSubject
    name = subject
    if claims.get("email_verified") is True and isinstance(email, str):
        try:
            name = person_named(email)
        except InvalidArgument:
            raise NoSubject from None
    groups = groups_in(claims, groups_claim)
    rights = rights_of_groups(groups, rules)
    if rights is None:
        raise NoGroup
    rights = msgspec.structs.replace(rights, groups=_kept(groups))
    shown = next((text for key in ("name", "preferred_username", "email") if isinstance(text := claims.get(key), str) and text), "")
    return OpenIdPerson(PersonName(name), " ".join(shown.split())[:DISPLAY_NAME_MAX_CHARS], rights, begun_with(claims))


def groups_in(claims: Mapping[str, Any], claim: str) -> Sequence[str]:
    """The groups that the claims name: a list, or one text; `realm_access.roles` leads into an object.

    An e-mail address that the provider did not verify counts as no group.
    """
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for part in claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    if claim == "email" and claims.get("email_verified") is not True:
        return ()
    if isinstance(found, str):
        return (found,)
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def _kept(groups: Sequence[str]) -> tuple[str, ...]:
    """Those that a session keeps: a provider may name thousands, and each request reads them."""
    return tuple(dict.fromkeys(group for group in groups if len(group) <= GROUP_MAX_CHARS))[:GROUPS_MOST]


def rights_of_groups(groups: Iterable[str], rules: Iterable[GroupRule]) -> Rights | None:
    """The rights of the first rule whose group is among them; None: there is none."""
    known = frozenset(groups)
    return next((rule.rights for rule in rules if rule.group in known), None)
