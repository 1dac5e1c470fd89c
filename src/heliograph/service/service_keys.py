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
from heliograph.protojson.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from heliograph.service.callers import Callers, SignIn
from heliograph.service.enterprises import create_enterprise
from heliograph.service.key_approvals import require_key_approval
from heliograph.service.ports import Ports

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
    role: Role
    account: str = ""
    """The part before the @ of the client_email; empty: made of the role and the key's id."""
    person: str = ""
    """The human behind it: an e-mail address or an OIDC subject."""
    without_approval: bool = False
    """Whether the operator makes it whatever approval rules demand: the way back in if no one is left who could approve."""


async def create_service_key(ports: Ports, sign_in: SignIn, wanted: WantedKey) -> ServiceKey:
    """The key may call from now on. An enterprise that an admin's key names and that does not exist is made; a viewer's must be there.

    Raises: InvalidArgument; NoSuchEnterprise; FailedPrecondition: there are too many keys; ApprovalRequired, ApprovalDeclined.
    """
    pem, der = _public_rsa_key(wanted.public_key)
    key_id = hashlib.sha256(der).hexdigest()[:KEY_ID_CHARS]
    _check(wanted)
    known = await sign_in.keys.service_keys()
    if len(known) >= KEYS_MOST and all(key.key_id != key_id for key in known):
        raise FailedPrecondition(f"There are {KEYS_MOST} keys already: delete some first.")
    if not wanted.without_approval:
        # Not which key: whoever makes it makes another pair each time.
        params = {"enterprises": list(wanted.enterprises), "role": wanted.role, "account": wanted.account, "person": wanted.person}
        await require_key_approval(ports, wanted.enterprises, msgspec.json.encode(params).decode())
    await _enterprises_are_there(ports, wanted.enterprises, make=wanted.role is Role.ADMIN)
    project = _project_of(wanted.enterprises)
    key = ServiceKey(
        key_id=key_id,
        client_email=f"{wanted.account or f'{wanted.role.value}-{key_id[:8]}'}@{project}.{DOMAIN}",
        client_id=str(int(key_id[:16], 16) | 1 << 63),
        project_id=project,
        role=wanted.role,
        enterprises=tuple(dict.fromkeys(wanted.enterprises)),
        public_key=pem,
        created_us=sign_in.now_us(),
        person=wanted.person,
    )
    await sign_in.keys.put_service_key(key)
    return key


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
    if wanted.person and not _PERSON.fullmatch(wanted.person):
        raise InvalidArgument(f"Invalid person {wanted.person[:64]!r}: use an e-mail address or an OIDC subject, without spaces.")


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


async def delete_service_key(sign_in: SignIn, callers: Callers, key_id: str) -> None:
    """The key and every token made with it are refused: here at once, by other server processes within a minute.

    Raises: ServiceKeyNotFound.
    """
    known = await sign_in.keys.delete_service_key(key_id)
    # After the deletion is durable: who asked in between was remembered by the key that is gone now.
    callers.forget()
    if not known:
        raise ServiceKeyNotFound
