"""What a session here began with at the identity provider, and the tokens by which the provider says that it is over.

Source: OpenID Connect Back-Channel Logout 1.0 §2.4 (logout token), §2.6 (validation), §2.7 (actions).
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from heliograph.domain.session import ATTEMPT_LIFE_US, SESSIONS_MOST, SessionName, SpentAttempt, SpentAttemptName
from heliograph.protojson.errors import InvalidArgument

EVENT = "http://schemas.openid.net/event/backchannel-logout"
LEEWAY_S = 60
"""How far the provider's clock may be from this server's."""
LIFE_MOST_S = 3_600
"""Of a logout token. The standard recommends two minutes; that a token counts once is remembered for as long as it lives."""
TYPES = frozenset({"logout+jwt", "jwt", ""})
"""What the header `typ` may say: nothing and `JWT` are older providers'. §2.4, explicit typing."""
TEXT_MAX_CHARS = 255
"""Of `sub` (OpenID Connect Core 1.0 §2), `sid` and `jti`."""
SESSION, SUBJECT = "sid", "sub"
SECOND_US = 1_000_000
SECONDS_MOST = 2**53
"""What JSON's numbers hold exactly; neither infinity nor what is no number is below it."""


class LogoutTokenRejected(InvalidArgument):
    """The logout token was not accepted."""

    reason = "LOGOUT_TOKEN_REJECTED"


class OpenIdSourceName(NamedTuple):
    """A session (`sid`) or an account (`sub`) at an identity provider: the claim, and a digest of issuer and value."""

    claim: str
    digest: str


class OpenIdSource(msgspec.Struct, frozen=True, kw_only=True):
    """What sessions here came from: one session at the identity provider, or one account there."""

    name: OpenIdSourceName
    sessions: tuple[SessionName, ...] = ()
    """Those that began with it, oldest first; some may be over."""
    over_s: int | None = None
    """When the provider said that it is over: the newest logout token's `iat`. None: it did not."""
    expires_us: int

    def admits(self, issued_s: int) -> bool:
        """Whether a session may begin with an ID token that was issued then. Who signs in while the provider ends the session is out.

        A session at the provider that ended never comes back. An account does: with a token that is newer than its end.
        """
        return self.over_s is None or (self.name.claim == SUBJECT and issued_s > self.over_s)

    def ended(self, logout: "Logout", *, now_us: int) -> "OpenIdSource":
        """Over; remembered until every sign-in that began before is over, too."""
        over_s = max(logout.issued_s, self.over_s or 0)
        return OpenIdSource(name=self.name, over_s=over_s, expires_us=max(self.expires_us, now_us + ATTEMPT_LIFE_US))


class Begun(NamedTuple):
    """With what a session begins at the identity provider."""

    sources: tuple[OpenIdSourceName, ...]
    issued_s: int
    """The ID token's `iat`, in seconds since 1970."""


class Logout(NamedTuple):
    """A logout token that was verified."""

    source: OpenIdSourceName
    """What is over: the session, if the token names one, else every session of the account."""
    issued_s: int
    spends: SpentAttempt
    """That the token counts once."""


def source_named(issuer: str, claim: str, value: str) -> OpenIdSourceName:
    """The same at every server; the database's readers learn neither session nor account from it."""
    text = msgspec.json.encode((issuer, claim, value))
    return OpenIdSourceName(claim, hashlib.sha256(text).hexdigest())


def begun_with(claims: Mapping[str, Any]) -> Begun:
    """With what the session of these claims, verified before, begins; a claim that is not a text names nothing."""
    issuer = str(claims.get("iss", ""))
    named = [(claim, claims.get(claim)) for claim in (SUBJECT, SESSION)]
    return Begun(tuple(source_named(issuer, claim, str(value)) for claim, value in named if _is_text(value)), _seconds(claims.get("iat")) or 0)


def with_session(source: OpenIdSource, session: SessionName, *, ends_us: int) -> tuple[OpenIdSource, Sequence[SessionName]]:
    """The source with one more session, and the oldest sessions that it has too many: they must end."""
    sessions = (*source.sessions, session)
    kept = sessions[-SESSIONS_MOST:]
    replaced = msgspec.structs.replace(source, sessions=kept, expires_us=max(source.expires_us, ends_us))
    return replaced, sessions[: len(sessions) - len(kept)]


def logout_in(header: Mapping[str, Any], claims: Mapping[str, Any], *, issuer: str, client_id: str, now_s: int) -> Logout:
    """What a token says that the issuer signed.

    Raises: LogoutTokenRejected: it is another's, for another, of another time, or not a logout token.
    """
    audience, events, token_id = claims.get("aud"), claims.get("events"), claims.get("jti")
    session, subject = claims.get(SESSION), claims.get(SUBJECT)
    issued_s, expires_s = _seconds(claims.get("iat")), _seconds(claims.get("exp"))
    holds = {
        "typ": str(header.get("typ", "")).lower().removeprefix("application/") in TYPES,
        "iss": claims.get("iss") == issuer,
        "aud": audience == client_id or (isinstance(audience, list) and client_id in audience),
        "iat": issued_s is not None and issued_s <= now_s + LEEWAY_S,
        "exp": expires_s is not None and now_s - LEEWAY_S < expires_s <= now_s + LIFE_MOST_S,
        "events": isinstance(events, dict) and isinstance(events.get(EVENT), dict),
        "nonce": "nonce" not in claims,  # an ID token has one: it must not pass for a logout token
        "jti": _is_text(token_id),
        "sid": session is None or _is_text(session),
        "sub": (subject is None and session is not None) or _is_text(subject),
    }
    wrong = next((claim for claim, fits in holds.items() if not fits), "")
    if wrong or issued_s is None or expires_s is None:
        raise LogoutTokenRejected(metadata={"claim": wrong})
    source = source_named(issuer, SUBJECT, str(subject)) if session is None else source_named(issuer, SESSION, session)
    counted = SpentAttemptName(source_named(issuer, "jti", str(token_id)).digest)
    return Logout(source, issued_s, SpentAttempt(name=counted, expires_us=(expires_s + LEEWAY_S) * SECOND_US))


def _is_text(value: object) -> bool:
    """Printable: half of a surrogate pair, which JSON can hold, has no bytes."""
    return isinstance(value, str) and 0 < len(value) <= TEXT_MAX_CHARS and value.isprintable()


def _seconds(value: object) -> int | None:
    """A NumericDate, in whole seconds; None: it is not one.  Source: RFC 7519 §2."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < SECONDS_MOST:
        return None
    return int(value)
