"""The keys of service accounts."""

import hashlib
import re
from collections.abc import Sequence

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from heliograph.domain.access import EVERY_ENTERPRISE, Role, ServiceKey
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.names import ID_PATTERN, EnterpriseName
from heliograph.domain.people import known_as
from heliograph.domain.roles import BUILT_IN
from heliograph.domain.tally import MOST as TALLY_MOST
from heliograph.protojson.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from heliograph.service.callers import SignIn
from heliograph.service.enterprises import create_enterprise
from heliograph.service.key_approvals import require_key_approval
from heliograph.service.ports import Ports
from heliograph.service.roles import RoleNotFound, get_role

LEAST_BITS, MOST_BITS = 2_048, 4_096  # NIST SP 800-131A's least; above the most, verifying begins to cost
KEYS_MOST = 1_000
ENTERPRISES_MOST = 100
DOMAIN = "iam.heliograph.internal"
"""`.internal` belongs to no one on the Internet: an account of ours is never mistaken for one of Google's."""
KEY_ID_CHARS = 40  # as Google's look

_ACCOUNT = re.compile(r"[a-z][a-z0-9-]{0,62}")
_PERSON = re.compile(r"[!-~]{1,255}")
"""An e-mail address or an OIDC subject.  Source: RFC 5321, 4.5.3.1.3 (254 characters); OpenID Connect Core, 2 (255 of ASCII)."""
_NO_PROJECT_CHARS = re.compile(r"[^a-z0-9-]+")


class NoSuchEnterprise(FailedPrecondition):
    """The enterprise does not exist here."""


class WantedKey(msgspec.Struct, frozen=True, kw_only=True):
    """What a new key shall be. The same public key again replaces everything."""

    public_key: str
    """PEM."""
    enterprises: Sequence[str]
    role: str
    account: str = ""
    """The part before the @ of the client_email; empty: made of the role and the key's id."""
    person: str = ""
    """The human behind it: an e-mail address or an OIDC subject."""
    expires_us: int = 0
    """0: it does not end."""
    blast_radius: int | None = None
    """Devices that its actor may destroy in an hour; 0: as many as wanted; None: as the server's limits say."""
    without_approval: bool = False
    """Whether the operator makes it whatever approval rules demand: the way back in if no one is left who could approve."""


async def create_service_key(ports: Ports, sign_in: SignIn, wanted: WantedKey) -> ServiceKey:
    """The key may call from now on. An enterprise that an admin's key names and that does not exist is made; a viewer's must be there.

    Raises: InvalidArgument; NoSuchEnterprise; FailedPrecondition: there are too many keys; ApprovalRequired, ApprovalDeclined.
    """
    pem, key_id = _public_half(wanted.public_key)
    _check(wanted)
    await require_role(ports, wanted.role)
    _check_expiry(wanted.expires_us, sign_in.now_us())
    _check_blast_radius(wanted.blast_radius)
    known = await sign_in.keys.service_keys()
    if len(known) >= KEYS_MOST and all(key.key_id != key_id for key in known):
        raise FailedPrecondition(f"There are {KEYS_MOST} keys already: delete some first.")
    if not wanted.without_approval:
        # Not which key: who makes it again makes another pair.
        params = {"enterprises": list(wanted.enterprises), "role": wanted.role, "account": wanted.account, "person": wanted.person}
        await require_key_approval(ports, wanted.enterprises, msgspec.json.encode(params).decode())
    await _enterprises_are_there(ports, wanted.enterprises, make=wanted.role == Role.ADMIN)
    project = _project_of(wanted.enterprises)
    key = ServiceKey(
        key_id=key_id,
        client_email=f"{wanted.account or f'{wanted.role}-{key_id[:8]}'}@{project}.{DOMAIN}",
        client_id=str(int(key_id[:16], 16) | 1 << 63),
        project_id=project,
        role=wanted.role,
        enterprises=tuple(dict.fromkeys(wanted.enterprises)),
        public_key=pem,
        created_us=sign_in.now_us(),
        person=known_as(wanted.person),
        expires_us=wanted.expires_us,
        blast_radius=ports.limits.blast_radius if wanted.blast_radius is None else wanted.blast_radius,
    )
    await sign_in.keys.put_service_key(key)
    ports.access.changed()
    return key


class KeyChange(msgspec.Struct, frozen=True, kw_only=True):
    """What shall change of a key; None: it stays."""

    role: str | None = None
    person: str | None = None
    expires_us: int | None = None
    blast_radius: int | None = None


async def update_service_key(ports: Ports, sign_in: SignIn, key_id: str, change: KeyChange) -> ServiceKey:
    """The key is as changed, at every server within a second.  Raises: ServiceKeyNotFound; InvalidArgument."""
    if change.role is not None:
        await require_role(ports, change.role)
    if change.person:
        _check_person(change.person)
    _check_expiry(change.expires_us or 0, sign_in.now_us())
    _check_blast_radius(change.blast_radius)
    changed = {name: value for name in change.__struct_fields__ if (value := getattr(change, name)) is not None}
    keys = await sign_in.keys.change_service_key(key_id, lambda key: [msgspec.structs.replace(key, **changed)])
    if not keys:
        raise ServiceKeyNotFound
    ports.access.changed()
    return keys[0]


async def rotate_service_key(
    ports: Ports, sign_in: SignIn, key_id: str, public_key: str, *, overlap_us: int, expires_us: int = 0
) -> ServiceKey:
    """A new key of the same account, with the same rights; the old one ends after the overlap, or when it would have ended anyway.

    Raises: ServiceKeyNotFound; InvalidArgument; FailedPrecondition: there are too many keys.
    """
    pem, new_id = _public_half(public_key)
    now_us = sign_in.now_us()
    _check_expiry(expires_us, now_us)
    if new_id == key_id:
        raise InvalidArgument("The new key must differ from the old one.")
    if len(await sign_in.keys.service_keys()) >= KEYS_MOST:
        raise FailedPrecondition(f"There are {KEYS_MOST} keys already: delete some first.")
    # In the past if there is no overlap: at this very microsecond, it would not have ended yet for a clock a little behind.
    ends_us = now_us + overlap_us if overlap_us else 1

    def change(old: ServiceKey) -> Sequence[ServiceKey]:
        new = msgspec.structs.replace(old, key_id=new_id, public_key=pem, created_us=now_us, expires_us=expires_us)
        ended = msgspec.structs.replace(old, expires_us=min(old.expires_us or ends_us, ends_us))
        return new, ended

    keys = await sign_in.keys.change_service_key(key_id, change)
    if not keys:
        raise ServiceKeyNotFound
    ports.access.changed()
    return keys[0]


def _public_half(pem: str) -> tuple[str, str]:
    """The key in the one form of PEM, and its id.  Raises: InvalidArgument."""
    pem, der = _public_rsa_key(pem)
    return pem, hashlib.sha256(der).hexdigest()[:KEY_ID_CHARS]


async def require_role(ports: Ports, role: str) -> None:
    """Raises: InvalidArgument: there is no such role."""
    try:
        await get_role(ports.store, role)
    except RoleNotFound:
        message = f"There is no role {role[:64]!r}: it is {', '.join(BUILT_IN)}, or one that heliograph roles set makes."
        raise InvalidArgument(message) from None


def _check_expiry(expires_us: int, now_us: int) -> None:
    """Raises: InvalidArgument: it is over already."""
    if expires_us and expires_us <= now_us:
        raise InvalidArgument("expireTime must be in the future.")


def _check_blast_radius(blast_radius: int | None) -> None:
    """Raises: InvalidArgument."""
    if blast_radius is not None and not 0 <= blast_radius <= TALLY_MOST:
        raise InvalidArgument(f"blastRadius must be 1 to {TALLY_MOST} devices an hour, or 0 for as many as wanted.")


def _public_rsa_key(pem: str) -> tuple[str, bytes]:
    """The key as PEM and as DER, in the one form of each.  Raises: InvalidArgument."""
    try:
        key = load_pem_public_key(pem.encode(errors="replace"))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey) or not LEAST_BITS <= key.key_size <= MOST_BITS:
        raise InvalidArgument(f"publicKey must be an RSA key of {LEAST_BITS} to {MOST_BITS} bits in PEM (-----BEGIN PUBLIC KEY-----).")
    as_pem, as_der = (key.public_bytes(form, PublicFormat.SubjectPublicKeyInfo) for form in (Encoding.PEM, Encoding.DER))
    return as_pem.decode(), as_der


def _check(wanted: WantedKey) -> None:
    """Raises: InvalidArgument."""
    check_enterprises(wanted.enterprises)
    if wanted.account and not _ACCOUNT.fullmatch(wanted.account):
        raise InvalidArgument(f"Invalid account {wanted.account[:64]!r}: use small letters, digits and -, beginning with a letter.")
    if wanted.person:
        _check_person(wanted.person)


def _check_person(person: str) -> None:
    """Raises: InvalidArgument."""
    if not _PERSON.fullmatch(person):
        raise InvalidArgument(f"Invalid person {person[:64]!r}: use an e-mail address or an OIDC subject, without spaces.")


def check_enterprises(enterprises: Sequence[str]) -> None:
    """Check what a key, or a person, is for.  Raises: InvalidArgument."""
    if not 0 < len(enterprises) <= ENTERPRISES_MOST:
        raise InvalidArgument(f"enterprises must name one to {ENTERPRISES_MOST} enterprises, or {EVERY_ENTERPRISE} for all.")
    for enterprise in enterprises:
        if enterprise != EVERY_ENTERPRISE and not ID_PATTERN.fullmatch(enterprise):
            raise InvalidArgument(f"Invalid enterprise id {enterprise[:128]!r}: use letters, digits and ._~- only.")


async def require_enterprises(ports: Ports, enterprises: Sequence[str], *, make: bool) -> None:
    """What a key, or a person, is for exists; `make`: whatever is missing is made.  Raises: InvalidArgument, NoSuchEnterprise."""
    check_enterprises(enterprises)
    await _enterprises_are_there(ports, enterprises, make=make)


async def _enterprises_are_there(ports: Ports, enterprises: Sequence[str], *, make: bool) -> None:
    for enterprise in enterprises:
        if enterprise == EVERY_ENTERPRISE or await ports.store.enterprise(EnterpriseName(enterprise)) is not None:
            continue
        if not make:
            raise NoSuchEnterprise(f"There is no enterprises/{enterprise} here; a key with the role admin can create it.")
        try:
            await create_enterprise(ports, Enterprise(), enterprise_id=enterprise)
        except AlreadyExists:
            continue


def _project_of(enterprises: Sequence[str]) -> str:
    """The one enterprise, as a project's id may be written; several or all: `heliograph`."""
    first = enterprises[0] if len(set(enterprises)) == 1 else ""
    return _NO_PROJECT_CHARS.sub("-", first.lower()).strip("-")[:30].strip("-") or "heliograph"


class ServiceKeyNotFound(NotFound):
    """No such key: `heliograph keys list` shows the ids."""


async def delete_service_key(ports: Ports, sign_in: SignIn, key_id: str) -> None:
    """The key and every token made with it are refused: here at once, by other servers within a second.

    Raises: ServiceKeyNotFound.
    """
    known = await sign_in.keys.delete_service_key(key_id)
    # After the deletion is durable: who asked in between was looked up by the key that is gone now.
    ports.access.changed()
    if not known:
        raise ServiceKeyNotFound
