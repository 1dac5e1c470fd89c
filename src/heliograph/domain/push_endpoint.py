"""The PushEndpoint message, what the server stores of one, and the mistakes that only the server can find.

Heliograph's own: in AMAPI's world Pub/Sub's subscriptions are the endpoints.
"""

import enum
import re
from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec

from heliograph.domain.device import position
from heliograph.domain.enterprise import NotificationType
from heliograph.domain.names import PushEndpointName
from heliograph.domain.push_addresses import PushAddresses, wrong_push_url
from heliograph.domain.push_target import PushTarget
from heliograph.protojson.errors import Violation
from heliograph.protojson.messages import SECRET, Message, Timestamp, encode_message, stored_message
from heliograph.protojson.times import format_timestamp

AUDIENCE_MAX_CHARS = 2_048
DISPLAY_NAME_MAX_CHARS = 100
ID_PATTERN = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""Source: AIP-122, resource ids that callers choose."""
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,253}")


class PushEndpointState(enum.Enum):
    """Whether messages go to it."""

    STATE_UNSPECIFIED = "STATE_UNSPECIFIED"
    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class Scheme(enum.Enum):
    """How Standard Webhooks sign: HMAC-SHA256 with a secret that both sides know, and ed25519 with a key pair."""

    SCHEME_UNSPECIFIED = "SCHEME_UNSPECIFIED"
    V1 = "V1"
    V1A = "V1A"


class Oidc(Message):
    """Each request has a JSON Web Token, as Pub/Sub's authenticated push has.  Source: Pub/Sub, "Authentication for push subscriptions"."""

    audience: str = ""
    """Empty: the endpoint's URL."""
    service_account_email: str = ""
    issuer: str = ""
    """Output only. The address of this server as its creator reached it."""


class StandardWebhooks(Message):
    """Each request is signed by https://www.standardwebhooks.com. All but `schemes` is output only."""

    schemes: tuple[Scheme, ...] = ()
    """Empty: V1."""
    secret: Annotated[str, SECRET] = ""
    """Of V1: `whsec_…`. Only in the answer to the request that made it."""
    public_key: str = ""
    """Of V1A: `whpk_…`."""
    previous_secret_expire_time: Timestamp = Timestamp("")
    """Until then requests are signed with the secret before, too."""


class Signing(Message):
    """How the receiver knows that a request comes from this server: one of these, or both."""

    oidc: Oidc | None = None
    standard_webhooks: StandardWebhooks | None = None


class PushEndpoint(Message):
    """Where notifications of an enterprise are pushed."""

    name: str = ""
    display_name: str = ""
    url: str = ""
    notification_types: tuple[NotificationType, ...] = ()
    """Empty: those that the enterprise enabled."""
    signing: Signing | None = None
    state: PushEndpointState = PushEndpointState.STATE_UNSPECIFIED
    disabled_reason: str = ""
    """Output only. Why it is DISABLED."""
    disable_time: Timestamp = Timestamp("")
    """Output only."""
    create_time: Timestamp = Timestamp("")
    """Output only."""


OUTPUT_ONLY = frozenset({"name", "disabled_reason", "disable_time", "create_time"})


class SealedKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What Standard Webhooks are signed with, sealed (`service/push_endpoints`)."""

    sealed: bytes
    public_key: str
    expires_us: int | None = None
    """None: these are the current ones."""


class PushEndpointRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the server keeps of one push endpoint: `resource` is the canonical JSON of what its caller set."""

    name: PushEndpointName
    created_us: int
    resource: bytes
    issuer: str = ""
    keys: tuple[SealedKeys, ...] = ()
    """The current ones first."""
    disabled_us: int = 0
    """0: it is enabled."""
    disabled_reason: str = ""

    @property
    def position(self) -> str:
        """The endpoint's place in lists (oldest first)."""
        return position(self.created_us, self.name.push_endpoint)

    @property
    def message(self) -> PushEndpoint:
        """What its caller set."""
        return stored_message(PushEndpoint, self.resource)

    @property
    def enabled(self) -> bool:
        """Whether messages go to it."""
        return not self.disabled_us

    @property
    def target(self) -> PushTarget:
        """What its enterprise's record says of it while it is enabled."""
        types = frozenset(kind.value for kind in self.message.notification_types)
        return PushTarget(push_endpoint=self.name.push_endpoint, notification_types=types)

    def living_keys(self, now_us: int) -> Sequence[SealedKeys]:
        """The keys that requests are signed with, the current ones first."""
        return [keys for keys in self.keys if keys.expires_us is None or keys.expires_us > now_us]


def settable(endpoint: PushEndpoint) -> PushEndpoint:
    """What a caller may set of it; the state is kept elsewhere."""
    signing = endpoint.signing
    if signing is not None:
        oidc, webhooks = signing.oidc, signing.standard_webhooks
        signing = Signing(
            oidc=msgspec.structs.replace(oidc, issuer="") if oidc is not None else None,
            standard_webhooks=StandardWebhooks(schemes=webhooks.schemes or (Scheme.V1,)) if webhooks is not None else None,
        )
    return PushEndpoint(
        display_name=endpoint.display_name, url=endpoint.url, notification_types=endpoint.notification_types,
        signing=signing if signing != Signing() else None,
    )  # fmt: skip


def schemes_of(endpoint: PushEndpoint) -> Sequence[Scheme]:
    """How it is signed by Standard Webhooks."""
    webhooks = endpoint.signing.standard_webhooks if endpoint.signing is not None else None
    return webhooks.schemes if webhooks is not None else ()


def render_push_endpoint(record: PushEndpointRecord, *, now_us: int, secret: str = "") -> bytes:
    """The endpoint as callers see it; `secret` only if it was just made."""
    stored = record.message
    return encode_message(
        msgspec.structs.replace(
            stored,
            name=str(record.name),
            signing=_shown(record, stored, now_us, secret),
            state=PushEndpointState.ENABLED if record.enabled else PushEndpointState.DISABLED,
            disabled_reason=record.disabled_reason,
            disable_time=Timestamp("" if record.enabled else format_timestamp(record.disabled_us)),
            create_time=Timestamp(format_timestamp(record.created_us)),
        )
    )


def _shown(record: PushEndpointRecord, stored: PushEndpoint, now_us: int, secret: str) -> Signing | None:
    if stored.signing is None:
        return None
    oidc, webhooks = stored.signing.oidc, stored.signing.standard_webhooks
    if oidc is not None:
        oidc = msgspec.structs.replace(oidc, audience=oidc.audience or stored.url, issuer=record.issuer)
    if webhooks is not None:
        current, *before = record.living_keys(now_us)
        ends_us = max((keys.expires_us or 0 for keys in before), default=0)
        webhooks = msgspec.structs.replace(
            webhooks,
            secret=secret if Scheme.V1 in webhooks.schemes else "",
            public_key=current.public_key if Scheme.V1A in webhooks.schemes else "",
            previous_secret_expire_time=Timestamp(format_timestamp(ends_us) if ends_us else ""),
        )
    return Signing(oidc=oidc, standard_webhooks=webhooks)


def violations(endpoint: PushEndpoint, addresses: PushAddresses, *, path: str = "push_endpoint") -> Iterator[Violation]:
    """Every mistake in the endpoint at the proto path `path` that its shape does not show."""
    if wrong := wrong_push_url(endpoint.url, addresses):
        yield Violation(f"{path}.url", f"{path}.url {wrong}")
    if len(endpoint.display_name) > DISPLAY_NAME_MAX_CHARS:
        where = f"{path}.display_name"
        yield Violation(where, f"{where} must have at most {DISPLAY_NAME_MAX_CHARS} characters; it has {len(endpoint.display_name)}.")
    if NotificationType.NOTIFICATION_TYPE_UNSPECIFIED in endpoint.notification_types:
        where = f"{path}.notification_types"
        yield Violation(where, f"{where} must not contain NOTIFICATION_TYPE_UNSPECIFIED; leave it empty for what the enterprise enabled.")
    if endpoint.signing is not None and endpoint.signing.oidc is not None:
        yield from _of_oidc(endpoint.signing.oidc, path=f"{path}.signing.oidc")
    if Scheme.SCHEME_UNSPECIFIED in schemes_of(endpoint):
        where = f"{path}.signing.standard_webhooks.schemes"
        yield Violation(where, f"{where} must contain V1, V1A or both.")


def _of_oidc(oidc: Oidc, *, path: str) -> Iterator[Violation]:
    if not _EMAIL.fullmatch(oidc.service_account_email):
        where = f"{path}.service_account_email"
        yield Violation(where, f"{where} is required: the email that the receiver expects in the token, as in push@example.com.")
    if len(oidc.audience) > AUDIENCE_MAX_CHARS:
        yield Violation(f"{path}.audience", f"{path}.audience must have at most {AUDIENCE_MAX_CHARS} characters.")
