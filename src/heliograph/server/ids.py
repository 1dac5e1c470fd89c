"""Names and secrets: the one place that rolls real dice."""

import base64
import random
import secrets
import string

SYSTEM = secrets.SystemRandom()
DIGITS_AND_LETTERS = string.digits + string.ascii_lowercase
TOKEN_ID_CHARS = string.digits + string.ascii_letters


class RandomIds:
    """Names and secrets from the operating system's randomness, or from a seeded source: then the same ids come in the same order."""

    def __init__(self, chance: random.Random = SYSTEM) -> None:
        self._chance = chance

    def device_id(self) -> str:
        """16 hex digits."""
        return f"{self._chance.getrandbits(64):016x}"

    def enterprise_id(self) -> str:
        """`LC` and eight characters."""
        return "LC" + self._text(DIGITS_AND_LETTERS, 8)

    def token_id(self) -> str:
        """22 characters, as AMAPI's look: 130 bits."""
        return self._text(TOKEN_ID_CHARS, 22)

    def token_value(self) -> str:
        """20 upper-case letters: short enough to type into a phone, 94 bits."""
        return self._text(string.ascii_uppercase, 20)

    def web_app_package(self) -> str:
        """As Google's look: a prefix and 16 hex digits."""
        return f"com.google.enterprise.webapp.x{self._chance.getrandbits(64):016x}"

    def webhook_keys(self) -> bytes:
        """64 bytes: an HMAC's 32 and ed25519's 32."""
        return self._chance.randbytes(64)

    def session_secret(self) -> str:
        """As `secrets.token_urlsafe(32)`: 256 bits."""
        return base64.urlsafe_b64encode(self._chance.randbytes(32)).rstrip(b"=").decode()

    def _text(self, characters: str, length: int) -> str:
        return "".join(self._chance.choices(characters, k=length))
