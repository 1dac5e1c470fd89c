"""Sessions of people in browsers, and the attempts to sign in that lead to them.

All that a browser keeps is one secret. Everything else follows from it: the records name its hash, the token in forms is made from it.
A sign-in's `state`, `nonce`, code verifier and challenge follow from the secret of its attempt, so that nothing is stored for someone
who has not signed in, and a stranger fills no table.

Source: RFC 6265bis; OWASP Session Management; RFC 7636 (PKCE); RFC 9700 §4.7 (state, nonce).
"""

import base64
import hashlib
import hmac
from typing import NamedTuple

import msgspec

from heliograph.domain.device import position
from heliograph.domain.people import Person, Rights
from heliograph.domain.sealed_text import Sealable

MINUTE_US = 60 * 1_000_000
ATTEMPT_LIFE_US = 10 * MINUTE_US
"""Long enough to find the phone that has the passkey."""
FRESH_US = 10 * MINUTE_US
"""How long after signing in a session may add a passkey: a stolen one must not make itself a lasting way in."""
SESSIONS_MOST = 32
"""Of one person; beyond that the oldest ends."""
TOUCHES_PER_IDLE_TIME = 16
"""A use of a session is written down after this part of the time that it may idle, so that a page full of requests is one write."""
AGENT_MAX_CHARS = 256


class SessionName(NamedTuple):
    """`people/{person}/sessions/{session}`."""

    person: str
    session: str


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What the server keeps of a session: not the secret."""

    name: SessionName
    secret_hash: str
    how: str
    """By what the person signed in: `passkey` or `openid`."""
    created_us: int
    used_us: int
    expires_us: int
    """When it ends unless it is used; at most `ends_us`."""
    ends_us: int
    """When it ends however much it is used."""
    round: int
    """The person's `sessions_ended` at the start."""
    rights: Rights | None = None
    """What the identity provider's groups gave; None: what the person's record says, at each moment."""
    address: str = ""
    user_agent: str = ""

    @property
    def position(self) -> str:
        """The session's place in lists (oldest first)."""
        return position(self.created_us, self.name.session)

    def is_fresh(self, now_us: int) -> bool:
        """Whether the person signed in just now."""
        return self.created_us <= now_us < self.created_us + FRESH_US


def is_current(session: Session | None, person: Person | None, *, now_us: int) -> bool:
    """Whether the session still opens anything."""
    return (
        session is not None and person is not None and session.round == person.sessions_ended
        and now_us < min(session.expires_us, session.ends_us) and rights_of(session, person) is not None
    )  # fmt: skip


def rights_of(session: Session, person: Person) -> Rights | None:
    """What the person may do in this session; None: nothing."""
    return session.rights or person.rights


def wants_touch(session: Session, *, now_us: int, idle_us: int) -> bool:
    """Whether the last use that was written down is long enough ago."""
    return now_us - session.used_us >= idle_us // TOUCHES_PER_IDLE_TIME


def touched(session: Session, *, now_us: int, idle_us: int) -> Session:
    """The session, used now."""
    used_us = max(now_us, session.used_us)
    return msgspec.structs.replace(session, used_us=used_us, expires_us=min(used_us + idle_us, session.ends_us))


def hash_of(secret: str) -> str:
    """What records name instead of a secret of 256 bits, which needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def form_token(secret: str) -> str:
    """What forms carry, and scripts as a header: only a page of this server's, in this session, can know it."""
    return from_secret(secret, "form")


def from_secret(secret: str, label: str) -> str:
    """43 characters that follow from the secret, and say nothing of it."""
    return base64.urlsafe_b64encode(hmac.digest(secret.encode(), label.encode(), "sha256")).rstrip(b"=").decode()


class Attempt(Sealable, frozen=True, kw_only=True, tag="sign-in"):
    """A sign-in that began in a browser; its cookie, sealed."""

    secret: str
    purpose: str
    """What it is for: `sign-in`, `invitations/{id}` or `passkey`, so that one for another purpose is not taken for it."""
    next: str = ""
    """The path at this server to go on to."""

    @property
    def state(self) -> str:
        return from_secret(self.secret, "state")

    @property
    def nonce(self) -> str:
        return from_secret(self.secret, "nonce")

    @property
    def code_verifier(self) -> str:
        return from_secret(self.secret, "code verifier")

    @property
    def challenge(self) -> bytes:
        return hmac.digest(self.secret.encode(), b"challenge", "sha256")

    @property
    def user_handle(self) -> bytes:
        """Of the person whom the attempt makes."""
        return hmac.digest(self.secret.encode(), b"user handle", "sha256")

    @property
    def spent_name(self) -> "SpentAttemptName":
        return SpentAttemptName(hash_of(self.secret))


class SpentAttemptName(NamedTuple):
    """What a spent attempt is found by: the hash of its secret."""

    attempt: str


class SpentAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that led to a session, remembered until it would have expired: it leads to no second one."""

    name: SpentAttemptName
    expires_us: int


def safe_path(text: str, *, otherwise: str) -> str:
    r"""The text, if it is a path at this server and every browser reads it so; else `otherwise`.

    A browser takes `//host` and `/\host` for another site, and drops tabs and newlines.
    Source: url.spec.whatwg.org, "relative slash state"; CWE-601.
    """
    plain = text.isascii() and text.isprintable() and " " not in text and "\\" not in text
    return text if plain and text.startswith("/") and not text.startswith("//") and len(text) <= PATH_MAX_CHARS else otherwise


PATH_MAX_CHARS = 1_024
