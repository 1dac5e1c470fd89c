"""Signing in with a key file, as Google's clients do it: a token that the caller signs itself."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure

LIFE_S: Final = 3_600
RENEW_BEFORE_S: Final = 60


def bearer_of(path: Path) -> Callable[[], str]:
    """A function that returns a valid token at any time.  Raises: Failure: the file is not a key file."""
    try:
        key = json.loads(path.read_text(encoding="utf-8"))
        email, key_id, private_key = (str(key[field]) for field in ("client_email", "private_key_id", "private_key"))
    except OSError as error:
        raise Failure(ExitCode.INVALID, f"Cannot read {path}: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise Failure(ExitCode.INVALID, f"{path} is not a service-account key file: make one with heliograph keys create.") from None
    token, good_until_s = "", 0.0

    def bearer() -> str:
        nonlocal token, good_until_s
        now_s = time.time()
        if now_s >= good_until_s:
            token, good_until_s = _signed(email, key_id, private_key, int(now_s)), now_s + LIFE_S - RENEW_BEFORE_S
        return token

    return bearer


def _signed(email: str, key_id: str, private_key: str, now_s: int) -> str:
    """Raises: Failure: the private key is invalid."""
    import jwt  # noqa: PLC0415 - commands without a key start faster

    from heliograph.domain.access import SCOPE  # noqa: PLC0415

    claims = {"iss": email, "sub": email, "scope": SCOPE, "iat": now_s, "exp": now_s + LIFE_S}
    try:
        return jwt.encode(claims, private_key, algorithm="RS256", headers={"kid": key_id})
    except (ValueError, jwt.PyJWTError):
        raise Failure(ExitCode.INVALID, "The key file's private_key is not an RSA key: make one with heliograph keys create.") from None
