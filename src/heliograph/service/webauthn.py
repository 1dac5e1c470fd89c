"""WebAuthn, by Yubico's library: what a browser is asked for, and whether its answer is what was asked.

User verification (a PIN, a finger, a face) is required: a passkey is two factors, or it opens nothing. Attestation is not asked for.

Source: WebAuthn Level 3 §5.4, §5.5, §7.1, §7.2.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec
import structlog

from heliograph.protojson.errors import PermissionDenied
from heliograph.protojson.parser import MALFORMED

if TYPE_CHECKING:
    from fido2.server import Fido2Server

log = structlog.get_logger()

T = TypeVar("T")

ALGORITHMS = (-7, -8, -257)
"""ES256, EdDSA, RS256 (COSE's numbers): what platforms and security keys have."""
CREDENTIAL_MAX_BYTES = 2_048
"""A credential with a 4,096-bit RSA key has 700; a larger key would cost time at each sign-in."""
TIMEOUT_MS = 300_000


class PasskeyRejected(PermissionDenied):
    """This passkey could not be verified. Start again."""

    reason = "PASSKEY_REJECTED"


class Site(NamedTuple):
    """This server as a browser sees it."""

    host: str
    origin: str


class Registered(NamedTuple):
    """A new credential."""

    credential_id: bytes
    credential_data: bytes
    uses: int


class Asserted(NamedTuple):
    """A verified use of a credential."""

    uses: int


def creation_options(
    site: Site, *, challenge: bytes, user_handle: bytes, name: str, display_name: str, known: Sequence[bytes]
) -> Mapping[str, Any]:
    """PublicKeyCredentialCreationOptionsJSON; an authenticator that holds one of the `known` credentials declines."""
    from fido2.webauthn import PublicKeyCredentialDescriptor, PublicKeyCredentialUserEntity  # noqa: PLC0415 - as `_library`

    server = _library(site)
    options, _ = server.register_begin(
        PublicKeyCredentialUserEntity(id=user_handle, name=name, display_name=display_name),
        credentials=[PublicKeyCredentialDescriptor(type="public-key", id=one) for one in known],  # type: ignore[arg-type]
        resident_key_requirement="required",  # type: ignore[arg-type]
        user_verification="required",  # type: ignore[arg-type]
        challenge=challenge,
    )
    return dict(options.public_key)


def request_options(site: Site, *, challenge: bytes) -> Mapping[str, Any]:
    """PublicKeyCredentialRequestOptionsJSON for any passkey of this site: the browser lists them."""
    options, _ = _library(site).authenticate_begin(user_verification="required", challenge=challenge)  # type: ignore[arg-type]
    return dict(options.public_key)


def credential_id_in(answer: str) -> str:
    """The id (base64url) that the browser's answer names.  Raises: PasskeyRejected: it is no such answer."""
    try:
        return msgspec.json.decode(answer, type=_Answer).raw_id
    except MALFORMED:
        raise PasskeyRejected from None


def registered(site: Site, answer: str, *, challenge: bytes) -> Registered:
    """The credential in a browser's RegistrationResponseJSON.  Raises: PasskeyRejected."""
    made = _verified(lambda: _library(site).register_complete(_state(challenge), _decoded(answer)))
    data = made.credential_data
    if data is None or len(data) > CREDENTIAL_MAX_BYTES or data.public_key.get(3) not in ALGORITHMS:
        raise PasskeyRejected("This passkey has a key that is not supported: it must be ES256, EdDSA or RS256.")
    return Registered(bytes(data.credential_id), bytes(data), made.counter)


def asserted(site: Site, answer: str, *, challenge: bytes, credential_data: bytes) -> Asserted:
    """The use in a browser's AuthenticationResponseJSON, by this credential.  Raises: PasskeyRejected."""
    from fido2.webauthn import AttestedCredentialData, AuthenticationResponse  # noqa: PLC0415 - as `_library`

    def verify() -> int:
        decoded = _decoded(answer)
        _library(site).authenticate_complete(_state(challenge), [AttestedCredentialData(credential_data)], decoded)
        return int(AuthenticationResponse.from_dict(decoded).response.authenticator_data.counter)

    return Asserted(_verified(verify))


class _Answer(msgspec.Struct):
    raw_id: str = msgspec.field(name="rawId")


def _decoded(answer: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = msgspec.json.decode(answer, type=dict[str, Any])
    return found


def _state(challenge: bytes) -> Mapping[str, Any]:
    """What the library wants to remember of the question."""
    from fido2.utils import websafe_encode  # noqa: PLC0415

    return {"challenge": websafe_encode(challenge), "user_verification": "required"}


def _verified(verify: Callable[[], T]) -> T:
    """What was verified.  Raises: PasskeyRejected."""
    try:
        return verify()
    except Exception as error:  # noqa: BLE001 - whatever a stranger's CBOR, JSON or key makes of the library's parsers is a no
        log.info("passkey.refused", error=type(error).__name__)
        raise PasskeyRejected from None


def _library(site: Site) -> "Fido2Server":
    """The library's server for this site. It is imported with the first visitor: it takes 0.2 s, and most servers have none."""
    from fido2.server import Fido2Server  # noqa: PLC0415 - as above
    from fido2.webauthn import PublicKeyCredentialRpEntity  # noqa: PLC0415

    server = Fido2Server(PublicKeyCredentialRpEntity(id=site.host, name="Heliograph"), verify_origin=lambda origin: origin == site.origin)
    server.allowed_algorithms = [one for one in server.allowed_algorithms if one.alg in ALGORITHMS]
    server.timeout = TIMEOUT_MS  # type: ignore[assignment]  # the library says None, its type for "not set"
    return server
