"""A server that is asked: any that speaks AMAPI, over plain HTTP."""

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from heliograph.backoff import Backoff
from heliograph.http_connection import HttpConnection

Json = dict[str, Any]

TIMEOUT_S: Final = 30
ENDS_WITHIN_S: Final = 120
"""How long a probe waits for a phone: a real one that sleeps takes a minute."""
LOOK_EVERY_S: Final = 0.05
LOOK_AT_LEAST_EVERY_S: Final = 2.0
MISSING: Final = "heliograph-probe-0000"
"""An id that no device or operation has. A body sent to such a device is read, and has no effect."""


class NotTried(Exception):
    """The probe cannot be made here; the message says why."""


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    body: bytes

    @property
    def json(self) -> Json:
        """The body as a JSON object; {} if it is not one."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def message(self) -> str:
        """The error's message."""
        return str(self.json.get("error", {}).get("message", ""))


class Server:
    """A server, one enterprise of it, and the devices that may be asked."""

    def __init__(self, url: str, enterprise: str, *, bearer: Callable[[], str] | None = None, ends_within_s: float = ENDS_WITHIN_S) -> None:
        """`enterprise`: its whole name; `bearer()` returns the token for each request.  Raises: ValueError."""
        self._connection = HttpConnection(url, timeout_s=TIMEOUT_S, bearer=bearer)
        self._ends_within_s = ends_within_s
        self.enterprise = enterprise
        self.devices: list[Json] = []
        """The devices that may be asked, as the server describes them."""

    def close(self) -> None:
        """Close the connection to it."""
        self._connection.close()

    def add_devices(self, names: Sequence[str]) -> None:
        """These devices may be asked.  Raises: NotTried: the server does not have one of them; OSError: it cannot be reached."""
        for name in names:
            answer = self.get(name)
            if answer.status != http.client.OK:
                raise NotTried(f"{name}: {answer.status} {answer.message}".rstrip())
            self.devices.append(answer.json)

    def add_all_devices(self) -> None:
        """All devices of the enterprise may be asked.  Raises: NotTried: there is no such list; OSError."""
        for answer in self.pages(f"{self.enterprise}/devices"):
            if answer.status != http.client.OK:
                raise NotTried(f"devices.list: {answer.status} {answer.message}".rstrip())
            self.devices += answer.json.get("devices", [])

    def device(self, what: str, fits: Callable[[Json], bool]) -> str:
        """The name of a device that fits.  Raises: NotTried: there is none; `what` says which was wanted."""
        for device in self.devices:
            if fits(device):
                return str(device["name"])
        raise NotTried(f"needs {what}")

    def any_device(self) -> str:
        """The name of a device.  Raises: NotTried: there is none."""
        return self.device("a device", lambda _device: True)

    def get(self, name: str, query: str = "") -> Answer:
        """`GET /v1/{name}`.  Raises: OSError."""
        return self.call("GET", f"/v1/{name}" + (f"?{query}" if query else ""))

    def pages(self, name: str, query: str = "") -> Iterator[Answer]:
        """Every page of a list, first to last; an error is the last.  Raises: OSError."""
        token = ""
        while True:
            page = f"pageToken={quote(token, safe='')}" if token else ""
            answer = self.get(name, "&".join(filter(None, (query, page))))
            yield answer
            token = answer.json.get("nextPageToken", "")
            if not token:
                return

    def issue(self, device: str, body: Json, headers: Mapping[str, str] | None = None) -> Answer:
        """Call issueCommand with this body, which is sent as it is.  Raises: OSError."""
        return self.call("POST", f"/v1/{device}:issueCommand", body, headers)

    def issued(self, device: str, body: Json) -> Json:
        """The operation of a command that must be accepted.  Raises: NotTried: it was refused; OSError."""
        answer = self.issue(device, body)
        if answer.status != http.client.OK:
            raise NotTried(f"{body.get('type', 'the command')} was refused: {answer.status}")
        return answer.json

    def ended(self, operation: Json) -> Json:
        """The operation once it is done.  Raises: NotTried: the phone took too long; OSError."""
        until_s, backoff = time.monotonic() + self._ends_within_s, Backoff(first_s=LOOK_EVERY_S, most_s=LOOK_AT_LEAST_EVERY_S)
        while time.monotonic() < until_s:
            now = self.get(str(operation["name"])).json
            if now.get("done"):
                return now
            time.sleep(backoff.next_s())
        raise NotTried(f"the phone did not end the command within {self._ends_within_s:g} s")

    def outcome(self, device: str, body: Json) -> Json:
        """The operation of this command once it is done.  Raises: NotTried; OSError."""
        return self.ended(self.issued(device, body))

    def call(self, method: str, target: str, body: Json | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer, an error too.  Raises: OSError."""
        sent = {"Content-Type": "application/json"} if body is not None else {}
        content = None if body is None else json.dumps(body).encode()
        return Answer(*self._connection.ask(method, target, content, {**sent, **(headers or {})}))
