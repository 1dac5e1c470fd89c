"""What a REST method is: a row that says how it is called and who answers it; and the table that finds it by its path.

Source: disc, `methods`; AIP-127, AIP-136 (`:verb`).
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import unquote

import msgspec

from heliograph.api.http.address import Addresses
from heliograph.api.http.errors import UnknownPath
from heliograph.api.http.query import NoQuery, Query, read_own, unset
from heliograph.api.http.streaming import Stream
from heliograph.domain.access import Caller
from heliograph.domain.rights import Permit
from heliograph.protojson.errors import InvalidArgument, Unimplemented
from heliograph.protojson.messages import decode_message
from heliograph.service.ports import Ports, Rule, Sees
from heliograph.service.work_aside import work_aside

M = TypeVar("M", bound=msgspec.Struct)

ID_MAX_CHARS = 256


class Call(msgspec.Struct, frozen=True):
    """One request on its way to a verb: `ids` are the path's variable parts, in order."""

    ports: Ports
    ids: tuple[str, ...]
    query: Any
    """The method's own parameters: its row's `query` message."""
    body: bytes
    scope: Mapping[str, Any]
    addresses: Addresses
    caller: Caller
    permit: Permit
    """What the caller's roles allow of this method: a verb that takes one must get it."""

    async def message(self, cls: type[M], *, root: str) -> M:
        """The message that the body holds.  Raises: InvalidArgument."""
        options = self.ports.limits.behaviour.reader
        return await work_aside(partial(decode_message, cls, root=root, options=options), self.body)

    def server_url(self) -> str:
        """The address by which the caller reached this server."""
        return self.addresses.of(self.scope)

    def url_for_phones(self) -> str:
        """The address by which phones reach this server."""
        return self.addresses.for_phones(self.scope)


Handler = Callable[[Call], Awaitable[bytes | Stream]]
"""Answers a call with a JSON object, compact, or with a stream.  Raises: HeliographError."""


class Begun(msgspec.Struct, frozen=True):
    """A call that waits for one rule and nothing else."""

    sees: Sees
    rule: Rule[Any]
    render: Callable[[Any], bytes]
    """The call's answer, from the rule's; if that is None, only the handler can say it."""


AtOnce = Callable[[Call], Begun | bytes | None]
"""What a handler would do, without a task: the answer, or what it waits for; None: ask the handler.  Raises: as the handler."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One REST method. `path` has a `*` for each variable part: `enterprises/*/devices/*:issueCommand`."""

    id: str
    http: str
    path: str
    handler: Handler
    at_once: AtOnce | None = None
    """The handler without a task, of a method that is hot (api/hot_lane.py)."""
    query: type[msgspec.Struct] = NoQuery
    takes_body: bool = False
    destructive: bool = False
    """Whether it takes devices away for good, or lets others do so: patterns in roles do not cover it by accident (docs/roles.md)."""
    streams: bool = False
    """Whether it may answer with a Stream, to a caller that accepts one."""
    summary: str = ""
    """What it does, for the discovery document."""
    request: type[msgspec.Struct] | None = None
    """The message of its body, as documented."""
    response: type[msgspec.Struct] | str = "Empty"
    """The message it answers, or the name of one of `schemas.RAW_SCHEMAS`."""
    path_parameter: str = "name"
    """The documented path's name for its variable part: the whole name, or with `parent` all of it but the collection."""
    offered: bool = True
    """False: it answers 501 with its summary."""


def own_of(method: Method, query: Query) -> Any:  # noqa: ANN401 - the row's message
    """The method's own parameters.  Raises: InvalidArgument."""
    return read_own(method.query, query.own) if query.own else unset(method.query)


def not_offered(*, id: str, why: str, **row: Any) -> Method:  # noqa: ANN401 - fields of Method
    """A method that Google's API has and this server has not: it answers 501 with the sentence `why`.

    `row`: its other fields. Its messages are in the discovery document, so that Google's clients can call it and show the sentence.
    """
    sentence = f"{id} is not offered by this server: {why}"

    async def reject(_call: Call) -> bytes:
        raise Unimplemented(sentence)

    return Method(id=id, handler=reject, summary=sentence, offered=False, **row)


class Routed(Protocol):
    """What a table finds: a method, or a page of the console."""

    @property
    def http(self) -> str:
        """GET, POST and so on."""

    @property
    def path(self) -> str:
        """With a `*` for each variable part."""


R = TypeVar("R", bound=Routed)
Key = tuple[str | int, ...]


class MethodTable(Generic[R]):
    """Methods by HTTP method and path."""

    def __init__(self, methods: Iterable[R], *, prefix: str) -> None:
        """`prefix` is what stands before the methods' paths, as in `/v1/`."""
        self.prefix = prefix
        self._methods: Mapping[Key, R] = {_key(method.http, method.path.split("/")): method for method in methods}

    @property
    def methods(self) -> Collection[R]:
        """Every row."""
        return self._methods.values()

    def find(self, http: str, path: str) -> tuple[R, tuple[str, ...]]:
        """The method that answers this path (raw, below the version), and the ids in the path, decoded.

        Raises: UnknownPath; InvalidArgument: an invalid id.
        """
        parts = path.split("/")
        method = self._methods.get(_key(http, parts))
        ids = tuple(parts[1::2])
        if method is None or "" in ids:
            raise UnknownPath(self.prefix + path, other_methods=self.http_methods(path))
        return method, ids if path.isascii() and "%" not in path else tuple(map(_decoded, ids))

    def http_methods(self, path: str) -> Sequence[str]:
        """The HTTP methods that this path takes."""
        _http, *of_path = _key("", path.split("/"))
        return [str(http) for http, *other in self._methods if other == of_path]


def _key(http: str, parts: list[str]) -> Key:
    """What distinguishes one method's paths from all others: HTTP method, verb, number of parts, collections. The verb leaves `parts`."""
    parts[-1], _colon, verb = parts[-1].partition(":")
    return (http, verb, len(parts), *parts[::2])


def _decoded(part: str) -> str:
    """The id that a path part says.  Raises: InvalidArgument."""
    try:
        found = unquote(part.encode("latin-1").decode(), errors="strict")
    except UnicodeDecodeError:
        found = ""
    if not found.isprintable() or "/" in found or not found or len(found) > ID_MAX_CHARS:
        raise InvalidArgument(f"Invalid resource name: {part[:ID_MAX_CHARS]!r} is not an id.")
    return found
