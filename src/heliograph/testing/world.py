"""A world for one test: `with heliograph.testing.sandbox() as amapi:`."""

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from heliograph.testing.client import build_client
from heliograph.testing.clock import Clock
from heliograph.testing.connection import Connection, Json, Steering
from heliograph.testing.faults import Faults
from heliograph.testing.notifications import Notifications
from heliograph.testing.operations import Operation
from heliograph.testing.phones import Phone, Phones
from heliograph.testing.requests import Requests
from heliograph.testing.server import OURS
from heliograph.testing.story import story_of
from heliograph.testing.times import timestamp

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from googleapiclient._apis.androidmanagement.v1 import AndroidManagementResource

NOW = "2030-01-01T00:00:00Z"
"""When a world begins, unless it is set otherwise: what a test sees does not depend on the day."""


@dataclass(frozen=True, kw_only=True)
class WorldSettings:
    """How a world begins: the parameters of `sandbox()`, of the marker `amapi`, and of `POST /sandbox/v1/worlds` (docs/sandbox.md)."""

    seed: int | None = None
    """The same seed, `now` and calls give the same answers, to the byte. None: by chance."""
    now: datetime | str | None = NOW
    """The time at which the clock stands until it is moved. None: the real time, going."""
    enterprises: Sequence[str] = ()
    """Their ids; empty: `sandbox`."""
    phones: Sequence[str | Mapping[str, object]] | None = None
    """Profiles, or objects with `profile`, `deviceId` and `overrides`. None: one phone of every profile."""
    behaviour: str = ""
    """`documented` or `as-observed`; empty: as the sandbox was started."""
    quota: int | str | None = None
    """Requests that a caller may send in a minute; 0: any number; `amapi`: Google's. None: as the sandbox was started."""
    notifications: Sequence[str] = ("COMMAND",)
    """What every enterprise has enabled at the start (`enabledNotificationTypes`)."""
    push_endpoints: Sequence[str] = ()
    """URLs that get every notification."""
    unmet_faults: bool = False
    """Whether planned faults may stay unmet."""

    def wanted(self) -> Json:
        """The body of `POST /sandbox/v1/worlds`."""
        asked = {
            "seed": self.seed,
            "now": None if self.now is None else timestamp(self.now),
            "enterprises": list(self.enterprises) or None,
            "phones": None if self.phones is None else list(self.phones),
            "behaviour": self.behaviour or None,
            "quota": self.quota,
            "enabledNotificationTypes": list(self.notifications) or None,
            "pushEndpoints": list(self.push_endpoints) or None,
        }
        return {name: value for name, value in asked.items() if value is not None}


class Amapi:
    """An Android Management API of one test's own."""

    def __init__(self, connection: Connection, made: Json, settings: WorldSettings) -> None:
        """`made`: what `POST /sandbox/v1/worlds` answered."""
        self._connection = connection
        self._steering = Steering(connection, made.get("pathUrl") or made["url"])  # on the connection that is open already
        self._clients: list[AndroidManagementResource] = []
        self.name: str = made["name"]
        """`worlds/…`."""
        self.url: str = made["url"]
        """Where it answers: what a client takes in place of `https://androidmanagement.googleapis.com`, without a slash at its end."""
        self.sandbox_url = connection.url
        """The sandbox that the world is in: HELIOGRAPH_URL for programs that make worlds of their own."""
        self.seed = int(made["seed"])
        self.enterprise: str = made["enterprises"][0]
        """The name of its first enterprise."""
        self.clock = Clock(self._steering)
        self.requests = Requests(self._steering)
        self.phones = Phones(self._steering, self.requests)
        self.faults = Faults(self._steering, may_stay_unmet=settings.unmet_faults)
        self.notifications = Notifications(self._steering)

    def __repr__(self) -> str:
        """For messages; the same in each run."""
        return f"<Amapi {self.enterprise}, seed {self.seed}>"

    @functools.cached_property
    def client(self) -> "AndroidManagementResource":
        """Google's Python client, unchanged.  Raises: ModuleNotFoundError: it is not installed (`heliograph[testing]`)."""
        return self.new_client()

    def new_client(self, credentials: "Credentials | None" = None) -> "AndroidManagementResource":
        """A further client: one for each thread, since httplib2 does not share.  Raises: as `client`."""
        client = build_client(self._connection, self.url, credentials)
        self._clients.append(client)
        return client

    @property
    def discovery_url(self) -> str:
        """For products that build the client themselves: `build(…, discoveryServiceUrl=…, static_discovery=False)`."""
        return f"{self.url}/$discovery/rest?version={{apiVersion}}"

    def issue(self, phone: Phone | str, command: Mapping[str, object] | str) -> Operation:
        """The command is issued, as by a caller that is not the product under test: `issue("pixel8", {"type": "LOCK"}).wait()`.

        `command`: its JSON, or its type. Raises: Refused: the API does not take it.
        """
        device = phone if isinstance(phone, Phone) else self.phones[phone]
        body = {"type": command} if isinstance(command, str) else command
        answer = self._connection.ask("POST", f"{self._steering.url}/v1/{device.name}:issueCommand", body)
        return Operation(self._steering, answer["name"])

    def operation(self, name: str) -> Operation:
        """The operation that the product under test got."""
        return Operation(self._steering, name)

    def operations(self) -> list[Operation]:
        """All of all phones."""
        return [Operation(self._steering, view["operation"]["name"]) for view in self._steering.get("operations")["operations"]]

    def settle(self) -> None:
        """All that is due by now has happened, and every notification of it was handed to the push endpoints."""
        self._steering.settle()

    def quota(self) -> Json:
        """How callers got on with the quota (docs/faults-on-demand.md#rehearse-the-quota)."""
        return self._steering.get("quota")

    def story(self) -> str:
        """All that happened, a line each in the order of time: for people who read a failed test."""
        return story_of(self._steering, self.requests)

    def snapshot(self) -> Json:
        """The world as it is, as one document: `heliograph replay FILE` makes it again."""
        return self._steering.export()

    def close(self) -> None:
        """The world has ended."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        self._connection.ask("DELETE", f"{self._connection.url}/sandbox/v1/{self.name}")


def make_world(settings: WorldSettings, url: str = "") -> Amapi:
    """A world of the sandbox at this URL, else of the one that this process uses.  Raises: Refused: a setting; RuntimeError."""
    connection = OURS.connection(url.rstrip("/") or OURS.url())
    return Amapi(connection, connection.ask("POST", f"{connection.url}/sandbox/v1/worlds", settings.wanted()), settings)


@contextlib.contextmanager
def sandbox(  # noqa: PLR0913 - each is a setting of a world
    *,
    seed: int | None = None,
    now: datetime | str | None = NOW,
    enterprises: Sequence[str] = (),
    phones: Sequence[str | Mapping[str, object]] | None = None,
    behaviour: str = "",
    quota: int | str | None = None,
    notifications: Sequence[str] = ("COMMAND",),
    push_endpoints: Sequence[str] = (),
    unmet_faults: bool = False,
    url: str = "",
) -> Iterator[Amapi]:
    """A world for the block: as `WorldSettings` says, of the sandbox at `url`, else at HELIOGRAPH_URL, else of one that is started.

    One that is started serves all blocks of this process and ends with it.

    Raises: Refused: a setting; AssertionError: the block ended well, and a planned fault was never met.
    """
    settings = WorldSettings(
        seed=seed, now=now, enterprises=enterprises, phones=phones, behaviour=behaviour, quota=quota, notifications=notifications,
        push_endpoints=push_endpoints, unmet_faults=unmet_faults,
    )  # fmt: skip
    with contextlib.closing(make_world(settings, url)) as amapi:
        yield amapi
        amapi.faults.check()
