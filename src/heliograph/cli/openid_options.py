"""The identity provider of `heliograph serve`, out of its options."""

from pathlib import Path

from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.domain.openid import group_rule
from heliograph.openid.client import OpenIdClient


def openid_client(  # noqa: PLR0913 - one option each
    *, issuer: str, client_id: str, client_secret_file: Path | None, name: str, groups_claim: str, scopes: tuple[str, ...],
    groups: tuple[str, ...],
) -> OpenIdClient | None:  # fmt: skip
    """What is known of the provider; None: there is none.  Raises: Failure: an option is missing, or the secret cannot be read."""
    if not issuer:
        if client_id or client_secret_file or scopes or groups:
            raise Failure(ExitCode.INVALID, "The options --oidc-… need --oidc-issuer.")
        return None
    if not client_id or not groups:
        missing = "--oidc-client-id" if not client_id else "--oidc-group, without which no one could sign in"
        raise Failure(ExitCode.INVALID, f"--oidc-issuer needs {missing}.")
    return OpenIdClient(
        issuer=issuer, client_id=client_id, client_secret=_secret_in(client_secret_file), name=name, groups_claim=groups_claim,
        more_scopes=scopes, rules=tuple(map(group_rule, groups)),
    )  # fmt: skip


def _secret_in(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(ExitCode.INVALID, f"Cannot read {file}: {error}.") from None
    if not secret:
        raise Failure(ExitCode.INVALID, f"{file} is empty: put the client secret into it.")
    return secret
