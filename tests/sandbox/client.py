"""The smallest caller: JSON over HTTP, a function a verb. Every answer of a route that steers is held against its schema."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

from tests.patience import PATIENCE_S
from tests.sandbox.documented import require_as_documented

Json = dict[str, Any]
T = TypeVar("T")


class Refused(Exception):
    """The server answered with an error; `error` is its `error` object."""

    def __init__(self, error: Json) -> None:
        super().__init__(error["message"])
        self.error = error


class Client:
    """Speaks to one server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """The answer.  Raises: Refused."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)  # noqa: S310 - our own loopback URL
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:  # noqa: S310 - our own loopback URL
                answer: Json = json.load(response)
                require_as_documented(method, path, response.status, answer)
                return answer
        except urllib.error.HTTPError as error:
            failure = json.load(error)
            require_as_documented(method, path, error.code, failure)
            raise Refused(failure["error"]) from None

    def get(self, path: str) -> Json:
        """The resource."""
        return self.ask("GET", path)

    def post(self, path: str, body: Json | None = None) -> Json:
        """What the verb answers."""
        return self.ask("POST", path, body if body is not None else {})

    def patch(self, path: str, body: Json) -> Json:
        """The resource afterwards."""
        return self.ask("PATCH", path, body)

    def phone(self, phone: str) -> Json:
        """The phone as it is to be seen."""
        view: Json = self.get(f"/sandbox/v1/devices/{phone}")["phone"]
        return view

    def issue(self, phone: str, command: Json, enterprise: str = "sandbox") -> str:
        """The name of the operation."""
        name: str = self.post(f"/v1/enterprises/{enterprise}/devices/{phone}:issueCommand", command)["name"]
        return name

    def wait(self, operation: str, *, seconds: float = PATIENCE_S) -> Json:
        """The operation once it is done.  Raises: TimeoutError."""
        return self.until(lambda: found if (found := self.get(f"/v1/{operation}")).get("done") else None, seconds=seconds)

    def until(self, look: Callable[[], T | None], *, seconds: float = PATIENCE_S) -> T:
        """What `look()` gives once it gives something.  Raises: TimeoutError."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(0.01)
        raise TimeoutError

    def run(self, phone: str, command: Json, enterprise: str = "sandbox") -> Json:
        """The operation of the command, done."""
        return self.wait(self.issue(phone, command, enterprise))
