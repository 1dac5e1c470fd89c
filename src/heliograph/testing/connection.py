"""JSON over HTTP to a sandbox, on one connection that stays open."""

import json
import threading
import urllib.parse
from collections.abc import Mapping
from typing import Any

from heliograph.http_connection import HttpConnection

Json = dict[str, Any]

ANSWER_MOST_S = 120.0
"""A sandbox answers after 60 s at the latest (docs/sandbox.md); more on a busy machine."""
USER_AGENT = "heliograph-testing"
"""Marks the calls that the test itself makes; `Requests` does not show them."""
_OK = 200


class Refused(Exception):
    """The sandbox answered with an error; `error` is its `error` object, in Google's form."""

    def __init__(self, error: Json) -> None:
        details = [violation for detail in error.get("details", []) for violation in detail.get("fieldViolations", [])]
        lines = [error.get("message", "no message"), *(f"  {each.get('field')}: {each.get('description')}" for each in details)]
        super().__init__("\n".join(lines))
        self.error = error

    @property
    def code(self) -> int:
        """The HTTP status."""
        return int(self.error.get("code", 0))


class Connection:
    """Speaks to one sandbox; threads may share it."""

    def __init__(self, url: str) -> None:
        """`url`: of a sandbox, without a slash at its end."""
        self.url = url
        self._http = HttpConnection(urllib.parse.urljoin(url, "/"), timeout_s=ANSWER_MOST_S)
        self._lock = threading.Lock()

    def ask(self, method: str, url: str, body: object = None) -> Json:
        """The answer from this URL, whose host is the connection's.  Raises: Refused, OSError."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"user-agent": USER_AGENT, **({"content-type": "application/json"} if data is not None else {})}
        with self._lock:
            status, answer = self._http.ask(method, _path_of(url), data, headers)
        if status == _OK:
            return _object(answer)
        raise Refused(_error_of(status, answer))

    def close(self) -> None:
        """The connection is closed; the next call opens another."""
        self._http.close()


class Steering:
    """What a test may ask of one world, below `/sandbox/v1`."""

    def __init__(self, connection: Connection, url: str) -> None:
        """`url`: of the world."""
        self.connection = connection
        self.url = url

    def get(self, path: str, **query: str) -> Json:
        """What is there.  Raises: Refused."""
        text = urllib.parse.urlencode({name: value for name, value in query.items() if value})
        return self.connection.ask("GET", f"{self.url}/sandbox/v1/{path}{'?' if text else ''}{text}")

    def settle(self) -> None:
        """All that is due by now has happened, and every notification of it was handed over.  Raises: Refused."""
        self.get("faults")  # answered once it has: a look elsewhere does not wait for push endpoints

    def export(self) -> Json:
        """The world as one document.  Raises: Refused."""
        return self.connection.ask("POST", f"{self.url}/sandbox/v1:export", {})

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Json:
        """What it answers.  Raises: Refused."""
        return self.connection.ask("POST", f"{self.url}/sandbox/v1/{path}", body or {})

    def patch(self, path: str, body: Mapping[str, object]) -> Json:
        """The resource afterwards.  Raises: Refused."""
        return self.connection.ask("PATCH", f"{self.url}/sandbox/v1/{path}", body)

    def delete(self, path: str) -> None:
        """It is gone.  Raises: Refused."""
        self.connection.ask("DELETE", f"{self.url}/sandbox/v1/{path}")


def _path_of(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"


def _object(answer: bytes) -> Json:
    found: Json = json.loads(answer or b"{}")
    return found


def _error_of(status: int, answer: bytes) -> Json:
    try:
        error = json.loads(answer)["error"]
    except (ValueError, KeyError, TypeError):
        error = None
    return error if isinstance(error, dict) else {"code": status, "message": f"HTTP {status}: {answer[:500].decode(errors='replace')}"}
