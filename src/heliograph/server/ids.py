"""Names and secrets: the one place that rolls real dice."""

import secrets


class RandomIds:
    """Names and secrets from the operating system's randomness."""

    def device_id(self) -> str:
        """16 hex digits."""
        return secrets.token_hex(8)

    def enterprise_id(self) -> str:
        """`LC` and eight characters."""
        return "LC" + "".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(8))

    def token_id(self) -> str:
        """22 characters, as AMAPI's look."""
        return secrets.token_urlsafe(16).replace("-", "a").replace("_", "b")

    def token_value(self) -> str:
        """20 upper-case letters: short enough to type into a phone, 94 bits."""
        return "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(20))
