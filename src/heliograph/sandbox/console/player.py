"""Someone at a page of the sandbox: what the page shows of their world, and what they do to it.

Everything is done by the rows of `/sandbox/v1` and by the world's API, in the same process: a world is steered in one place. What was done
is remembered as requests, so that a page can show it as a script.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from heliograph.api.console.door import PREFIX
from heliograph.api.console.guest import Console, Guest, Json
from heliograph.api.http.errors import UnknownPath
from heliograph.asgi import Receive, Scope, answer_of
from heliograph.domain.names import DeviceName
from heliograph.protojson.errors import FailedPrecondition
from heliograph.sandbox.asked import Asked
from heliograph.sandbox.console.message_forms import without_secrets
from heliograph.sandbox.doorway import WORLD, WORLDS
from heliograph.sandbox.phones import SandboxPhone
from heliograph.sandbox.routes import STEERING_ROUTES
from heliograph.sandbox.routes import endpoint_of as endpoint_in_world
from heliograph.sandbox.steering_route import SteeringRoute
from heliograph.sandbox.world import World
from heliograph.sandbox.worlds import Worlds
from heliograph.sandbox.worlds_routes import WORLDS_ROUTES
from heliograph.sandbox.worlds_routes import endpoint_of as endpoint_beside_worlds

PAGES: Final = "sandbox"
"""Below the console: where the sandbox's own pages are."""
JSON_BODY: Final = (b"content-type", b"application/json")
FAILED: Final = 400
NONE: Final[Mapping[str, str]] = {}
_LOCAL = re.compile(r"/[A-Za-z0-9._~/?&=%:+-]*(#[A-Za-z0-9._~-]*)?", re.ASCII)
_OF_WORLD: Final = {row.id: row for row in STEERING_ROUTES}
_BESIDE: Final = {row.id: row for row in WORLDS_ROUTES if row.id not in _OF_WORLD}


class NotDone(FailedPrecondition):
    """The API did not do what the page asked of it."""


class Player(Guest):
    """See above."""

    def __init__(self, console: Console, scope: Scope, receive: Receive, *, is_page: Callable[[str], bool] = bool) -> None:
        """Raises: InvalidArgument: a query that cannot be read."""
        super().__init__(console, scope, receive, is_page=is_page)
        self.world: World = scope[WORLD]
        self.usual_enterprise = self.world.first_enterprise
        self.worlds: Worlds | None = scope.get(WORLDS)
        """None: this is one of the worlds, which knows nothing of the others."""

    def phone(self, enterprise: str, phone: str) -> SandboxPhone:
        """The phone of this id.  Raises: PhoneNotFound."""
        return self.world.find(DeviceName(enterprise, phone))

    def here(self, *parts: str, verb: str = "", **query: str) -> str:
        """The path of one of the sandbox's pages, or of one of its forms."""
        return self.url(PAGES, *parts, verb=verb, **query)

    def here_of(self, phone: DeviceName, verb: str = "") -> str:
        """The path of a phone's page, or of one of its forms."""
        return self.here("enterprises", phone.enterprise, "devices", phone.device, verb=verb)

    @property
    def current(self) -> str:
        """The path and query of this page, to which its forms lead back; of a form's answer: empty."""
        if self._scope["method"] != "GET":
            return ""
        raw, query = self._scope["raw_path"].decode("latin-1"), self._scope["query_string"].decode("latin-1")
        return f"{self.base}{raw}?{query}" if query else f"{self.base}{raw}"

    def back(self, otherwise: str) -> str:
        """Where the form says that its reader came from, if that is a page of this console."""
        wanted = self.field("back")
        is_ours = wanted.startswith(f"{self.base}{PREFIX}") and _LOCAL.fullmatch(wanted) and "//" not in wanted
        return wanted if is_ours else otherwise

    def asked(self, route_id: str, body: Json | None = None, *, ids: Mapping[str, str] = NONE, query: Mapping[str, str] = NONE) -> Asked:
        """The request to this route, as someone else would send it."""
        row = _row(route_id)
        path = row.path.format(**{name: quote(value, safe="") for name, value in ids.items()})
        if given := {name: value for name, value in query.items() if value}:
            path = f"{path}?{urlencode(given)}"
        shown = {} if row.has_body and not body else body
        return Asked(row.http_method, path, without_secrets(row.body, shown) if row.body is not None and shown else shown)

    def of_phone(self, verb: str, phone: DeviceName, body: Json | None = None) -> Asked:
        """The request that does this to the phone."""
        return self.asked(self._subject(phone) + verb, body, ids=self._ids(phone))

    async def see(self, route_id: str, *, ids: Mapping[str, str] = NONE, query: Mapping[str, str] = NONE) -> Json:
        """What the route answers, without changing anything.  Raises: HeliographError, as the route."""
        return await self._send(_row(route_id), None, query, ids)

    async def steer(self, route_id: str, body: Json | None = None, *, ids: Mapping[str, str] = NONE) -> Json:
        """What the route answers; the request is remembered.  Raises: HeliographError, as the route."""
        answer = await self._send(_row(route_id), body, {}, ids)
        self.world.bench.by_hand.append(self.asked(route_id, body, ids=ids))
        return answer

    async def steer_phone(self, verb: str, phone: DeviceName, body: Json | None = None) -> Json:
        """What the route of the phone with this verb answers.  Raises: HeliographError, as the route."""
        return await self.steer(self._subject(phone) + verb, body, ids=self._ids(phone))

    async def call(self, http: str, path: str, body: Json) -> Json:
        """What the world's API answers this caller, as any other: it is in the request journal, and meets the faults that are planned.

        Raises: NotDone.
        """
        given = msgspec.json.encode(body)
        scope = {**self._bare_scope(http, path), "root_path": self.base}
        start, answer = await answer_of(self.world.parts.app, scope, _whole(given))
        self.world.bench.by_hand.append(Asked(http, path, body))
        if not start:
            raise NotDone("A fault cut the connection: the caller of this request got no answer.")
        if start["status"] >= FAILED:
            raise NotDone(f"The API answered {start['status']}: {_message(answer)}")
        found: Json = msgspec.json.decode(answer)
        return found

    async def _send(self, row: SteeringRoute[Any], body: Json | None, query: Mapping[str, str], ids: Mapping[str, str]) -> Json:
        given = b"" if body is None else msgspec.json.encode(body)
        path = row.path.format(**ids)
        scope = {**self._bare_scope(row.http_method, path), "query_string": urlencode(query).encode(), "path_params": dict(ids)}
        request = Request(scope, _whole(given))
        if row.id in _BESIDE:
            if self.worlds is None:
                raise UnknownPath(path)
            answer = await endpoint_beside_worlds(self.worlds, self.console.addresses, row)(request)
        else:
            answer = await endpoint_in_world(row)(request)
        found: Json = msgspec.json.decode(bytes(answer.body) if isinstance(answer, Response) else msgspec.json.encode(answer))
        return found

    def _bare_scope(self, http: str, path: str) -> Scope:
        """A request of this page's reader, without what the browser says of itself."""
        headers = [header for header in self._scope["headers"] if header[0] == b"host"]
        raw = quote(path, safe="/:%")
        return {
            **self._scope, "method": http, "path": path, "raw_path": raw.encode(), "query_string": b"",
            "headers": [*headers, JSON_BODY], "state": {},
        }  # fmt: skip

    def _subject(self, phone: DeviceName) -> str:
        return "devices." if phone.enterprise == self.world.first_enterprise else "enterprises.devices."

    def _ids(self, phone: DeviceName) -> Mapping[str, str]:
        ids = {"phone": phone.device}
        return ids if phone.enterprise == self.world.first_enterprise else {"enterprise": phone.enterprise, **ids}


def _row(route_id: str) -> SteeringRoute[Any]:
    return _OF_WORLD.get(route_id) or _BESIDE[route_id]


def _whole(body: bytes) -> Receive:
    """A receive that gives the body, and then says that the caller has gone."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:  # noqa: ANN401 - ASGI
        return left.pop() if left else {"type": "http.disconnect"}

    return receive


def _message(answer: bytes) -> str:
    """What an error says, whatever it is written in."""
    try:
        return str(msgspec.json.decode(answer)["error"]["message"])
    except (msgspec.DecodeError, KeyError, TypeError, UnicodeDecodeError):
        return "the answer is not JSON."
