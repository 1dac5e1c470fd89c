"""Google's own Python client, unchanged, directed at a sandbox or a world."""

import contextlib
from collections.abc import Iterator
from typing import Any

from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build

from tests.sandbox.client import Client


@contextlib.contextmanager
def google(sandbox: Client, **more: Any) -> Iterator[Any]:  # noqa: ANN401 - Google's
    """Google's client of the sandbox; `more` goes to its `build`."""
    here = f"{sandbox.url}/$discovery/rest?version={{apiVersion}}"
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    with build("androidmanagement", "v1", discoveryServiceUrl=here, static_discovery=False, credentials=credentials, **more) as client:
        yield client
