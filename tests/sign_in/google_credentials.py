"""Google's own credentials from a key file, without the look-up that they make in the background."""

from collections.abc import Mapping
from typing import Any

from google.oauth2 import service_account

from heliograph.domain.access import SCOPE


def credentials_of(key_file: Mapping[str, Any], *scopes: str) -> Any:  # noqa: ANN401 - google-auth's constructors are untyped
    """They sign in with the key file and ask only its `token_uri`.

    Without a subject they also ask iamcredentials.googleapis.com (Regional Access Boundary), in a thread that nothing joins: no test of
    ours reaches beyond this machine, and such a thread can crash a process that ends. With one there is nothing to ask.
    """
    credentials = service_account.Credentials.from_service_account_info(key_file, scopes=scopes or (SCOPE,))  # type: ignore[no-untyped-call]
    return credentials.with_subject(credentials.service_account_email)
