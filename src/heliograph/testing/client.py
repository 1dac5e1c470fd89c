"""Google's own Python client, unchanged, directed at a world."""

import functools
from typing import TYPE_CHECKING

from heliograph.testing.connection import Connection, Json

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from googleapiclient._apis.androidmanagement.v1 import AndroidManagementResource

MISSING = "amapi.client is Google's Python client, which is not installed: pip install 'heliograph[testing]'. amapi.url needs no client."


def build_client(connection: Connection, url: str, credentials: "Credentials | None" = None) -> "AndroidManagementResource":
    """`build("androidmanagement", "v1")` of the world at this URL; without credentials it sends none.

    Raises: ModuleNotFoundError: google-api-python-client is not installed.
    """
    try:
        from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415 - an extra, and slow to import
        from googleapiclient.discovery import build_from_document  # type: ignore[attr-defined]  # noqa: PLC0415 - the stubs lack it
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(MISSING, name=missing.name) from missing

    here = {"rootUrl": f"{url}/", "baseUrl": f"{url}/", "mtlsRootUrl": f"{url}/"}
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
    client: AndroidManagementResource = build_from_document({**_document(connection), **here}, credentials=credentials or anonymous)
    return client


@functools.lru_cache(maxsize=4)
def _document(connection: Connection) -> Json:
    """The discovery document: the same for all worlds of a sandbox, but for their addresses."""
    return connection.ask("GET", f"{connection.url}/$discovery/rest?version=v1")
