"""A command of the console's forms as other callers issue it: with curl, Google's Python client and the command line."""

import shlex
from collections.abc import Sequence
from pprint import pformat
from typing import Final

import msgspec

from heliograph.api.console.guest import Guest, Json
from heliograph.domain.command import CommandType
from heliograph.domain.command_fields import option_words
from heliograph.domain.names import DeviceName

WIDTH: Final = 100
"""Characters of a line of Python, if no text is longer."""
_ANYBODY: Final = """\
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build

credentials = AnonymousCredentials()
"""
_WITH_A_KEY: Final = """\
from google.oauth2 import service_account
from googleapiclient.discovery import build

scopes = ["https://www.googleapis.com/auth/androidmanagement"]
credentials = service_account.Credentials.from_service_account_file("key.json", scopes=scopes)
credentials = credentials.with_subject(credentials.service_account_email)
"""
_CALL: Final = """\
here = {server!r} + "/$discovery/rest?version={{apiVersion}}"
amapi = build("androidmanagement", "v1", discoveryServiceUrl=here, static_discovery=False, credentials=credentials)
operation = amapi.enterprises().devices().issueCommand(
    name={name!r},
    body={body},
).execute()
"""


def curl_line(guest: Guest, name: DeviceName, command: Json) -> str:
    """The same by the API."""
    words = ["curl", "-X", "POST", f"{guest.server_url}/v1/{name}:issueCommand", "-H", "Content-Type: application/json"]
    token = ["-H", '"Authorization: Bearer $(heliograph token)"'] if guest.console.signs_in else []
    return " ".join([shlex.join(words), *token, "-d", shlex.quote(msgspec.json.encode(command).decode())])


def python_lines(guest: Guest, name: DeviceName, command: Json) -> str:
    """The same by google-api-python-client (examples/python.md)."""
    body = pformat(command, width=WIDTH, sort_dicts=False).replace("\n", "\n    ")
    call = _CALL.format(server=guest.server_url, name=str(name), body=body)
    return (_WITH_A_KEY if guest.console.signs_in else _ANYBODY) + call


def command_line(guest: Guest, name: DeviceName, row: CommandType, command: Json) -> str:
    """The same by the command line."""
    duration = ["--duration", command["duration"]] if "duration" in command else []
    words: Sequence[str] = [
        "heliograph", "issue", str(name), row.name, *option_words(row, command), *duration, "--server", guest.server_url, "--wait",
    ]  # fmt: skip
    return shlex.join(words)
